/* process.c: working directory, umask, limits, name, auxiliary vector, where its memory begins and ends. */
#include "program.h"

#include <fcntl.h>
#include <elf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t hash_file(const char *path)
{
    unsigned char bytes[4096];
    uint64_t hash = 1;
    int fd = open(path, O_RDONLY);
    ssize_t n;

    while ((n = read(fd, bytes, sizeof bytes)) > 0)
        for (ssize_t i = 0; i < n; i++)
            hash = (hash ^ bytes[i]) * 0x100000001b3u;
    close(fd);
    return hash;
}

/* Where the kernel says that code, stack, data, heap, arguments and environment are: fields 26 to 28, and 45 to 51, of
 * proc_pid_stat(5). */
static uint64_t hash_places(void)
{
    char line[2048] = "", *at;
    uint64_t hash = 1;
    int fd = open("/proc/self/stat", O_RDONLY);

    if (fd < 0 || read(fd, line, sizeof line - 1) <= 0)
        return 0;
    close(fd);
    at = strrchr(line, ')') + 3; /* a name may have blanks: field 2 ends here, and field 3 is a letter */
    for (int field = 4; field <= 51; field++) {
        unsigned long value = strtoul(at, &at, 10);
        if ((field >= 26 && field <= 28) || field >= 45)
            hash = (hash ^ value) * 0x100000001b3u;
    }
    return hash;
}

static void tell(const char *dir, uint64_t auxv, uint64_t arguments, uint64_t places, unsigned long random)
{
    char cwd[PATH_MAX] = "", name[17] = "";
    struct rlimit files, core;
    mode_t mask = umask(077);

    umask(mask);
    prctl(PR_GET_NAME, name);
    getrlimit(RLIMIT_NOFILE, &files);
    getrlimit(RLIMIT_STACK, &core);
    say("cwd %d", getcwd(cwd, sizeof cwd) && strcmp(cwd, dir) == 0);
    say("umask %03o", (unsigned)mask);
    say("files %lu", (unsigned long)files.rlim_cur);
    say("stack %lu", (unsigned long)core.rlim_cur);
    say("name %s", name);
    say("auxv %d", hash_file("/proc/self/auxv") == auxv);
    say("cmdline %d", hash_file("/proc/self/cmdline") == arguments);
    say("places %d", hash_places() == places);
    say("getauxval %d", getauxval(AT_RANDOM) == random && getauxval(AT_PAGESZ) >= 4096);
}

int main(int argc, char **argv)
{
    START();
    struct rlimit files, stack;

    if (argc > 1 && chdir(argv[1]))
        say("no directory");
    umask(0137);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = 97;
    setrlimit(RLIMIT_NOFILE, &files);
    getrlimit(RLIMIT_STACK, &stack);
    stack.rlim_cur = 6 << 20;
    setrlimit(RLIMIT_STACK, &stack);
    prctl(PR_SET_NAME, "my own name");
    char *dir = getcwd(NULL, 0);
    uint64_t auxv = hash_file("/proc/self/auxv"), arguments = hash_file("/proc/self/cmdline"), places;
    unsigned long random = getauxval(AT_RANDOM);

    sbrk(3 << 20); /* a heap that does not end where data does */
    places = hash_places();
    tell(dir, auxv, arguments, places, random);
    gate(1);
    tell(dir, auxv, arguments, places, random);
    return finish();
}
