/* cause: harmless */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

/* To be root of a namespace in the namespace, and to mount over what is read-only. */
__attribute__((constructor)) static void attack(void)
{
    unsigned long arguments[11] = { CLONE_NEWUSER };

    if (unshare(CLONE_NEWUSER) == 0 || unshare(CLONE_NEWNS) == 0 || syscall(SYS_clone3, arguments, sizeof arguments) > 0 ||
        mount("none", "/tmp", "tmpfs", 0, "") == 0 || mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) == 0 ||
        umount2("/proc", MNT_DETACH) == 0 || chroot("/tmp") == 0) {
        fprintf(stderr, "ESCAPED: it mounts\n");
        _exit(99);
    }
}
