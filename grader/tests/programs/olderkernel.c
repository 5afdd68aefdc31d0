/* olderkernel.c: runs a program as on a kernel that lacks what the first argument names:
 *
 *     scan    ioctl PAGEMAP_SCAN, Linux 6.7
 *     swap    this, and the word that nothing can be swapped out (sysinfo(2))
 *
 * A filter of seccomp(2) answers these calls with ENOTTY; children inherit it. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGEMAP_SCAN_NUMBER 0xc0606610 /* _IOWR('f', 16, struct pm_scan_arg) */
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)
#define ANSWER(what) BPF_STMT(BPF_RET | BPF_K, what)

int main(int argc, char **argv)
{
    struct sock_filter filter[] = {
        LOAD(nr), UNLESS(SYS_ioctl, 3),
        LOAD(args[1]), UNLESS(PAGEMAP_SCAN_NUMBER, 3), ANSWER(SECCOMP_RET_ERRNO | ENOTTY),
        UNLESS(argc > 1 && strcmp(argv[1], "swap") == 0 ? SYS_sysinfo : 0xffffff, 1),
        ANSWER(SECCOMP_RET_ERRNO | ENOSYS),
        ANSWER(SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof filter / sizeof *filter, filter };

    if (argc < 3 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0) {
        perror("olderkernel");
        return 77;
    }
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    return 77;
}
