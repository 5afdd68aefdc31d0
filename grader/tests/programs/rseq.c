/* rseq.c: the kernel keeps the number of the processor up to date in the
 * thread's rseq area, if that is registered.  Move to each one and read it. */
#define _GNU_SOURCE
#include "program.h"

#include <sched.h>
#include <unistd.h>
#include <sys/syscall.h>

extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

static int known_cpu(void)
{
    if (!&__rseq_size || __rseq_size == 0)
        return sched_getcpu();
    char *area = (char *)__builtin_thread_pointer() + __rseq_offset;
    return *(volatile int *)(area + 4); /* struct rseq: cpu_id */
}

static int right_on_each(const cpu_set_t *all)
{
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        cpu_set_t one;
        unsigned real = 0;

        if (!CPU_ISSET(cpu, all))
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        if (sched_setaffinity(0, sizeof one, &one))
            continue;
        syscall(SYS_getcpu, &real, NULL, NULL);
        if ((int)real != cpu || known_cpu() != cpu || sched_getcpu() != cpu)
            return 0;
    }
    sched_setaffinity(0, sizeof *all, all);
    return 1;
}

int main(void)
{
    START();
    cpu_set_t all;

    sched_getaffinity(0, sizeof all, &all);
    say("rseq %d", right_on_each(&all));
    gate(1);
    say("rseq %d", right_on_each(&all));
    return finish();
}
