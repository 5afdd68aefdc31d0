/* cause: harmless */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Disks, memory and the kernel's messages; those that are there, and those that it makes. */
__attribute__((constructor)) static void attack(void)
{
    static const char *const names[] = { "/dev/mem", "/dev/kmsg", "/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/fuse",
                                         "/proc/kcore", "/proc/sysrq-trigger", "/dev/port", "made" };

    if (mknod("made", S_IFBLK | 0600, makedev(254, 0)) == 0)
        fprintf(stderr, "made a device\n");
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (open(names[i], O_WRONLY) >= 0 || open(names[i], O_RDONLY) >= 0) {
            fprintf(stderr, "ESCAPED: opened %s\n", names[i]);
            _exit(99);
        }
}
