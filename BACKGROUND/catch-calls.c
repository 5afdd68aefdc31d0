/* catch-calls.c: the kernel itself tells of every openat(2), whoever makes it: seccomp(2), SECCOMP_RET_TRAP.
 *
 * The filter looks at the number of each system call. For openat it answers SIGSYS, and the call is not
 * made. The handler makes it, with a mark in an argument that openat does not have, so that the filter
 * lets that one pass; and writes the result where the program looks for it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define MARK 0x51c5 /* in the sixth argument */

static volatile sig_atomic_t seen;

#ifdef __x86_64__
enum { RESULT = REG_RAX, FIRST = REG_RDI, SECOND = REG_RSI, THIRD = REG_RDX, FOURTH = REG_R10 };
#define REGISTERS(context) ((context)->uc_mcontext.gregs)
#else
enum { RESULT, FIRST = 0, SECOND, THIRD, FOURTH };
#define REGISTERS(context) ((context)->uc_mcontext.regs)
#endif

static void on_call(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)info;
    seen++;
    long result = syscall(SYS_openat, REGISTERS((ucontext_t *)context)[FIRST],
                          REGISTERS((ucontext_t *)context)[SECOND], REGISTERS((ucontext_t *)context)[THIRD],
                          REGISTERS((ucontext_t *)context)[FOURTH], 0, MARK);
    REGISTERS((ucontext_t *)context)[RESULT] = result; /* no error in this demo: errno is not looked at */
}

static int catch_openat(void)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3), /* another call: allow */
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[5])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MARK, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof steps / sizeof *steps, steps};
    struct sigaction action = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO};

    return sigaction(SIGSYS, &action, NULL) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0;
}

int main(void)
{
    if (catch_openat() != 0) {
        perror("seccomp is not to be had here");
        return 2;
    }
    int fd = open("/dev/null", O_RDONLY);
    FILE *file = fopen("/dev/null", "r");

    if (fd < 0 || file == NULL)
        return 2;
    fclose(file);
    close(fd);
    printf("2 files were opened; seen: %d\n", (int)seen);
    return seen != 2;
}
