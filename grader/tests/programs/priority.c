/* priority.c: a nice value and a policy, as they are asked for: NICE [POLICY PRIORITY]; and dumpable, if 0 follows. */
#include "program.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

int main(int argc, char **argv)
{
    START();
    struct sched_param param = { 0 };

    setpriority(PRIO_PROCESS, 0, atoi(argv[1]));
    if (argc > 3) {
        param.sched_priority = atoi(argv[3]);
        sched_setscheduler(0, atoi(argv[2]), &param);
    }
    if (argc > 4)
        prctl(PR_SET_DUMPABLE, atoi(argv[4]));
    gate(1);
    sched_getparam(0, &param);
    say("nice %d policy %d priority %d dumpable %d", getpriority(PRIO_PROCESS, 0), sched_getscheduler(0),
        param.sched_priority, prctl(PR_GET_DUMPABLE));
    return finish();
}
