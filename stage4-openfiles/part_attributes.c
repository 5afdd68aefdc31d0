/*
 * part_attributes.c - the room of what a process may be told about itself: how it is scheduled, on which
 * CPUs, and a row of prctl(2) settings.  What concerns memory: part_memory.c.  Given.
 *
 * Much of it is easier to give away than to get back: a better nice value needs privilege, a CPU may not be
 * there, no_new_privs and seccomp(2) know one direction only.  Then one line says so, and the program runs.
 */
#include "image_attributes.h"
#include "open_kind.h"
#include "part.h"

#include <linux/ioprio.h>

/*
 * Settings that one prctl(2) reads and another writes.  The parent-death signal refers to the parent: in the
 * second life that is restart's, a shell perhaps, and no longer the one that the program meant.
 */
struct setting {
    int get, set;
    bool by_pointer; /* the answer is stored at an address, not returned */
    char name[24];
};

#ifndef PR_GET_MEMORY_MERGE /* Linux 6.4 */
#define PR_SET_MEMORY_MERGE 67
#define PR_GET_MEMORY_MERGE 68
#endif

static const struct setting settings[ATTRIBUTES] = {
    [ATTRIBUTE_PARENT_DEATH] = {PR_GET_PDEATHSIG, PR_SET_PDEATHSIG, true, "parent-death signal"},
    {PR_GET_CHILD_SUBREAPER, PR_SET_CHILD_SUBREAPER, true, "child subreaper"},
    {PR_GET_TIMERSLACK, PR_SET_TIMERSLACK, false, "timer slack"},
    [ATTRIBUTE_NO_NEW_PRIVS] = {PR_GET_NO_NEW_PRIVS, PR_SET_NO_NEW_PRIVS, false, "no_new_privs"},
    {PR_GET_THP_DISABLE, PR_SET_THP_DISABLE, false, "no huge pages"},
    {PR_GET_MEMORY_MERGE, PR_SET_MEMORY_MERGE, false, "merging of memory"},
    {PR_GET_DUMPABLE, PR_SET_DUMPABLE, false, "dumpable"},
};

static long get_setting(const struct setting *setting)
{
    int value = 0;
    long answer = sys_call(SYS_prctl, setting->get, setting->by_pointer ? (long)&value : 0, 0, 0);
    return answer == 0 && setting->by_pointer ? value : answer;
}

/* Filters are counted since Linux 5.9; an earlier one says whether there are any. */
static uint64_t count_filters(char *buffer, size_t size)
{
    uint64_t filters = 0;
    if (procfile_read("/proc/self/status", buffer, size) > 0 &&
        !fdinfo_number(buffer, "Seccomp_filters", 10, &filters))
        fdinfo_number(buffer, "Seccomp", 10, &filters);
    return filters;
}

static bool same_cpus(const uint64_t *a, const uint64_t *b, uint64_t bytes)
{
    uint64_t different = 0;
    for (uint64_t i = 0; i < bytes / 8; i++)
        different |= a[i] ^ b[i];
    return different == 0;
}

/*
 * A process that may use every CPU must not be tied to as many on a larger machine.  To learn how many it
 * may have we ask for all; a process that had them keeps them, another gets its own ones back.
 */
static void save_cpus(struct image_attributes *a)
{
    long bytes = sys_call(SYS_sched_getaffinity, 0, CPU_BYTES, (long)a->cpus, 0);
    memset(a->possible, 0xff, CPU_BYTES);
    sys_call(SYS_sched_setaffinity, 0, CPU_BYTES, (long)a->possible, 0);
    memset(a->possible, 0, CPU_BYTES);
    if (bytes < 0 || sys_call(SYS_sched_getaffinity, 0, CPU_BYTES, (long)a->possible, 0) < 0)
        return;
    a->cpu_bytes = (uint64_t)bytes;
    if (!same_cpus(a->cpus, a->possible, a->cpu_bytes))
        sys_call(SYS_sched_setaffinity, 0, CPU_BYTES, (long)a->cpus, 0);
}

/* The end of the room is memory to work in. */
static long save(const struct save_request *request, void *note, size_t room)
{
    struct image_attributes *a = note;
    for (int i = 0; i < ATTRIBUTES; i++)
        a->settings[i] = get_setting(&settings[i]);
    a->io_priority = sys_call(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0, 0, 0);
    a->personality = sys_call(SYS_personality, 0xffffffff, 0, 0, 0);
    a->seccomp = count_filters((char *)note + room - ARCH_PAGE_SIZE, ARCH_PAGE_SIZE);
    save_cpus(a);
    long error = sys_call(SYS_sched_getattr, 0, (long)&a->schedule, sizeof a->schedule, 0);
    return error != 0 ? error : (long)sizeof *a;
}

static void describe(part_printf print, const void *note, size_t size)
{
    const struct image_attributes *a = note;
    print("  scheduling policy %u, nice %d, priority %u, I/O priority %ld, personality 0x%lx\n", a->schedule.policy,
          a->schedule.nice, a->schedule.priority, a->io_priority, a->personality);
    for (int i = 0; i < ATTRIBUTES; i++)
        print("%s%s %ld", i == 0 ? "  " : ", ", settings[i].name, a->settings[i]);
    print("\n");
    if (a->cpu_bytes <= CPU_BYTES && same_cpus(a->cpus, a->possible, a->cpu_bytes))
        print("  any CPU\n");
    else
        print("  CPUs (bits, the first 64) 0x%lx of 0x%lx\n", a->cpus[0], a->possible[0]);
    if (a->seccomp > 0)
        print("  %lu seccomp filters, which cannot come back\n", a->seccomp);
}

static void warn(const char *name, int64_t then, int64_t now, const char *hint)
{
    struct number was = text_number((uint64_t)(then < 0 ? -then : then), 10);
    struct number is = text_number((uint64_t)(now < 0 ? -now : now), 10);
    say("restart: ", name, " was ", then < 0 ? "-" : "", was.digits, " and is ", now < 0 ? "-" : "", is.digits,
        " now", hint, NULL);
}

/* THP_DISABLE takes its flags (Linux 6.18) in another argument.  Dumpable 2 can only be had by execve(2). */
static void restore_setting(const struct setting *setting, int64_t value)
{
    long flags = setting->set == PR_SET_THP_DISABLE ? value & ~1L : 0;
    long wanted = setting->set == PR_SET_DUMPABLE && value == 2 ? 0 : value & ~flags;
    long now = get_setting(setting);
    if (value < 0 || now == value || (value == 0 && now < 0)) /* what this kernel does not have is off */
        return;
    sys_call(SYS_prctl, setting->set, wanted, flags, 0);
    if (get_setting(setting) != value)
        warn(setting->name, value, get_setting(setting), "");
}

/* If the policy would do but for the nice value, which needs privilege to become better: the policy alone. */
static void restore_schedule(struct schedule then)
{
    struct schedule now;
    static const char hint[] = " (a better one needs privilege)";
    if (sys_call(SYS_sched_getattr, 0, (long)&now, sizeof now, 0) != 0)
        return;
    bool same = then.policy == now.policy && then.nice == now.nice && then.priority == now.priority &&
                then.flags == now.flags && then.runtime == now.runtime;
    then.size = sizeof then;
    if (same || sys_call(SYS_sched_setattr, 0, (long)&then, 0, 0) == 0)
        return;
    struct schedule without_nice = then;
    without_nice.nice = now.nice;
    sys_call(SYS_sched_setattr, 0, (long)&without_nice, 0, 0);
    sys_call(SYS_sched_getattr, 0, (long)&now, sizeof now, 0);
    if (then.nice != now.nice)
        warn("the nice value", then.nice, now.nice, hint);
    if (then.policy != now.policy)
        warn("the scheduling policy", then.policy, now.policy, hint);
    if (then.priority != now.priority)
        warn("the scheduling priority", then.priority, now.priority, hint);
}

/* Of the CPUs that it had, those that are there; if none is, any. */
static void restore_cpus(const struct image_attributes *a)
{
    uint64_t now[CPU_BYTES / 8] = {0};
    if (a->cpu_bytes == 0 || a->cpu_bytes > CPU_BYTES || same_cpus(a->cpus, a->possible, a->cpu_bytes))
        return;
    long error = sys_call(SYS_sched_setaffinity, 0, CPU_BYTES, (long)a->cpus, 0);
    if (error != 0 || sys_call(SYS_sched_getaffinity, 0, CPU_BYTES, (long)now, 0) < 0 ||
        !same_cpus(a->cpus, now, CPU_BYTES))
        say("restart: CPU affinity: ", error != 0 ? "none" : "not all", " of the program's CPUs can be used", NULL);
}

static void restore_io_priority(int64_t then)
{
    long now = sys_call(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0, 0, 0);
    long wanted = IOPRIO_PRIO_CLASS(then) == IOPRIO_CLASS_NONE ? 0 : then; /* a value without a class is refused */
    if (then >= 0 && now >= 0 && then != now && sys_call(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, wanted, 0) != 0)
        warn("the I/O priority", then, now, " (ioprio_set(2))");
}

static long restore(const void *note, size_t size)
{
    const struct image_attributes *a = note;
    restore_schedule(a->schedule);
    restore_cpus(a);
    restore_io_priority(a->io_priority);
    if (a->personality >= 0 && sys_call(SYS_personality, a->personality, 0, 0, 0) < 0)
        say("restart: the personality(2) cannot be restored", NULL);
    for (int i = 0; i < ATTRIBUTES; i++)
        restore_setting(&settings[i], a->settings[i]);
    return 0;
}

const struct part attributes_part = {NOTE_ATTRIBUTES, "attributes", sizeof(struct image_attributes),
                                     save, describe, restore};
