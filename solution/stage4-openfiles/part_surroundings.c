/* part_surroundings.c - the room of what lies around a process: surroundings.h.  Given. */
#include "surroundings.h"
#include "arena.h"
#include "open_kind.h"
#include "part.h"

#include <linux/keyctl.h>
#include <sys/resource.h>

static void read_user(struct surroundings *s, char *scratch, size_t size)
{
    static const char names[CAPABILITIES][8] = CAPABILITY_NAMES;
    sys_call(SYS_getresuid, (long)&s->users[0], (long)&s->users[1], (long)&s->users[2], 0);
    sys_call(SYS_getresgid, (long)&s->groups[0], (long)&s->groups[1], (long)&s->groups[2], 0);
    s->users[3] = (uint32_t)sys_call(SYS_setfsuid, -1, 0, 0, 0); /* -1 changes nothing */
    s->groups[3] = (uint32_t)sys_call(SYS_setfsgid, -1, 0, 0, 0);
    long count = sys_call(SYS_getgroups, (long)(size / sizeof(uint32_t)), (long)scratch, 0, 0);
    s->more_groups = count > 0 ? (uint64_t)count : 0;
    s->more_groups_sum = image_checksum(IMAGE_CHECKSUM_START, scratch, s->more_groups * sizeof(uint32_t));
    s->securebits = sys_call(SYS_prctl, PR_GET_SECUREBITS, 0, 0, 0);
    if (procfile_read("/proc/self/status", scratch, size) <= 0)
        return;
    for (int i = 0; i < CAPABILITIES; i++)
        fdinfo_number(scratch, names[i], 16, &s->capabilities[i]);
    if (!fdinfo_number(scratch, "Seccomp_filters", 10, &s->filters)) /* Linux 5.9; earlier: whether there are any */
        fdinfo_number(scratch, "Seccomp", 10, &s->filters);
}

static void read_places(struct surroundings *s)
{
    static const char names[NAMESPACES][8] = NAMESPACE_NAMES;
    char path[32];
    struct stat st;
    uint64_t stat[PROCFILE_STATS];
    procfile_stats(stat);
    if (sys_call(SYS_newfstatat, AT_FDCWD, (long)"/", (long)&st, 0) == 0) {
        s->root_device = st.st_dev;
        s->root_inode = st.st_ino;
    }
    for (int i = 0; i < NAMESPACES; i++) {
        text_join(path, sizeof path, "/proc/self/ns/", names[i], NULL);
        s->namespaces[i] = sys_call(SYS_newfstatat, AT_FDCWD, (long)path, (long)&st, 0) == 0 ? st.st_ino : 0;
    }
    procfile_read("/proc/self/attr/current", s->label, sizeof s->label);
    procfile_read("/proc/self/cgroup", s->cgroup, sizeof s->cgroup);
    s->pid = (int32_t)sys_getpid();
    s->process_group = (int32_t)stat[5];
    s->session = (int32_t)stat[6];
    s->terminal = (int32_t)stat[7];
    s->keyrings = (sys_call(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_THREAD_KEYRING, 0, 0) > 0 ? 1 : 0) |
                  (sys_call(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 0, 0) > 0 ? 2 : 0);
}

static int64_t read_clock(int clock)
{
    struct timespec now = {0, 0};
    sys_call(SYS_clock_gettime, clock, (long)&now, 0, 0);
    return now.tv_sec * NSEC + now.tv_nsec;
}

/* A line "monotonic   -100000   500", seconds and nanoseconds. */
static int64_t offset_in(const char *info, const char *key)
{
    const char *at = fdinfo_find(info, key);
    while (at != NULL && *at == ' ')
        at++;
    if (at == NULL)
        return 0;
    bool negative = *at == '-';
    at += negative;
    int64_t seconds = (int64_t)text_parse(&at, 10), more = (int64_t)text_parse(&at, 10);
    return (negative ? -seconds : seconds) * NSEC + more;
}

static uint64_t cpu_time(int who)
{
    struct rusage used = {0};
    sys_call(SYS_getrusage, who, (long)&used, 0, 0);
    return (uint64_t)((used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 + used.ru_utime.tv_usec +
                      used.ru_stime.tv_usec);
}

static void read_clocks(struct surroundings *s)
{
    char offsets[256];
    s->real = read_clock(CLOCK_REALTIME);
    s->monotonic = read_clock(CLOCK_MONOTONIC);
    s->boot = read_clock(CLOCK_BOOTTIME);
    if (procfile_read("/proc/self/timens_offsets", offsets, sizeof offsets) > 0) {
        s->monotonic_offset = offset_in(offsets, "monotonic");
        s->boot_offset = offset_in(offsets, "boottime");
    }
    procfile_read("/proc/sys/kernel/random/boot_id", s->boot_id, sizeof s->boot_id);
    s->cpu_time = cpu_time(RUSAGE_SELF) + cpu_time(RUSAGE_CHILDREN);
}

void surroundings_read(struct surroundings *to, char *scratch, size_t size)
{
    read_user(to, scratch, size);
    read_places(to);
    read_clocks(to);
}

static long save(const struct save_request *request, void *note, size_t room)
{
    surroundings_read(note, (char *)note + room - PART_ROOM, PART_ROOM);
    return sizeof(struct surroundings);
}

static void describe(part_printf print, const void *note, size_t size)
{
    const struct surroundings *s = note;
    print("  user %u, group %u, capabilities 0x%lx, process %d of group %d, session %d%s\n", s->users[1],
          s->groups[1], s->capabilities[2], s->pid, s->process_group, s->session,
          s->terminal == 0 ? ", no terminal" : "");
    print("  monotonic clock %ld.%09ld s, CPU time %lu.%06lu s\n", s->monotonic / NSEC, s->monotonic % NSEC,
          s->cpu_time / 1000000, s->cpu_time % 1000000);
}

/* No restore: surroundings_plan.c compares. */
const struct part surroundings_part = {
    NOTE_SURROUNDINGS, "surroundings", sizeof(struct surroundings), save, describe, NULL};
