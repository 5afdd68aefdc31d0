/* attributes.c: what a process was told about itself; the grader looks from outside, too. */
#define _GNU_SOURCE
#include "program.h"

#include <sched.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OF_PROCESS 1         /* IOPRIO_WHO_PROCESS */
#define BEST_EFFORT_7 0x4007 /* IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 7) */

static void set(void)
{
    struct sched_param none = { 0 };
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET(0, &one);
    sched_setaffinity(0, sizeof one, &one);
    setpriority(PRIO_PROCESS, 0, 7);
    sched_setscheduler(0, SCHED_BATCH, &none);
    syscall(SYS_ioprio_set, OF_PROCESS, 0, BEST_EFFORT_7);
    prctl(PR_SET_PDEATHSIG, SIGWINCH);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_TIMERSLACK, 123456);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    personality(ADDR_NO_RANDOMIZE | STICKY_TIMEOUTS);
}

static void tell(void)
{
    int death = 0, reaper = 0;

    prctl(PR_GET_PDEATHSIG, &death);
    prctl(PR_GET_CHILD_SUBREAPER, &reaper);
    say("nice %d", getpriority(PRIO_PROCESS, 0));
    say("policy %d", sched_getscheduler(0));
    say("io %x", (unsigned)syscall(SYS_ioprio_get, OF_PROCESS, 0));
    say("parent death %d", death);
    say("reaper %d", reaper);
    say("slack %d", prctl(PR_GET_TIMERSLACK));
    say("no new privileges %d", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    say("no huge pages %d", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
    say("personality %x", (unsigned)personality(0xffffffff));
}

int main(void)
{
    START();
    set();
    tell();
    gate(1);
    tell();
    gate(2);
    return finish();
}
