/*
 * part_memory.c - the room of what a program told the kernel about ranges of its memory: madvise(2),
 * mlock(2), mseal(2), and names of anonymous memory (prctl(2), PR_SET_VMA).  Given.
 *
 * /proc/self/smaps is the only place that shows it, two letters for each flag.  Noted is what differs from
 * the default, by address: a restart may join or split regions.
 */
#include "arena.h"
#include "image_memory.h"
#include "open_kind.h"
#include "part.h"
#include "proc_lines.h"

enum memory_flag { LOCKED = 1, LOCKED_ON_FAULT = 2, SEALED = 4, FIRST_ADVICE = 8 };

#define FLAGS 12
static const struct {
    char letters[3]; /* in the line VmFlags, proc_pid_smaps(5) */
    uint8_t advice;  /* for madvise(2) */
} flags[FLAGS] = { /* the i-th is the bit 1 << i */
    {"lo", 0}, {"lf", 0}, {"sl", 0}, {"sr", MADV_SEQUENTIAL}, {"rr", MADV_RANDOM}, {"dc", MADV_DONTFORK},
    {"dd", MADV_DONTDUMP}, {"wf", MADV_WIPEONFORK}, {"hg", MADV_HUGEPAGE}, {"nh", MADV_NOHUGEPAGE},
    {"mg", MADV_MERGEABLE}, {"dp", 0}, /* MEMORY_DROPPABLE */
};

#ifndef PR_SET_VMA /* Linux 5.17 */
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif
#ifndef SYS_mseal /* Linux 6.10; the number is the same everywhere */
#define SYS_mseal 462
#endif
#ifndef MAP_DROPPABLE /* Linux 6.11; a type of mapping, as MAP_PRIVATE is */
#define MAP_DROPPABLE 8
#endif

/* "START-END PERMS OFFSET DEVICE INODE   NAME".  False: it is another line, "Size: ...", or the kernel's region. */
static bool parse_head(const char *at, struct memory_range *range)
{
    *range = (struct memory_range){0};
    range->start = text_parse(&at, 16);
    if (*at++ != '-')
        return false;
    range->end = text_parse(&at, 16);
    for (int field = 0; field < 5 && *at != '\0'; field++) {
        while (*at != ' ' && *at != '\0')
            at++;
        while (*at == ' ')
            at++;
    }
    const char *name = at;
    while (text_starts(at, "[anon") && *name != ':' && *name != '\0') /* "[anon:NAME]", "[anon_shmem:NAME]" */
        name++;
    size_t length = strlen(name); /* with ':' before, and ']' behind */
    if (*name == ':' && length - 2 < sizeof range->name)
        memcpy(range->name, name + 1, length - 2);
    return !text_starts(at, "[v"); /* [vdso], [vvar], [vsyscall] */
}

static uint32_t parse_flags(const char *at)
{
    uint32_t bits = 0;
    for (; *at != '\0'; at++)
        for (int i = 0; i < FLAGS; i++)
            if (at[-1] == ' ' && strncmp(at, flags[i].letters, 2) == 0)
                bits |= 1U << i;
    return bits;
}

/* Adds a range, or makes the last one longer. */
static bool add(struct image_memory *m, const struct memory_range *range, size_t max)
{
    struct memory_range *last = m->ranges + m->count - 1;
    if (m->count > 0 && last->end == range->start && last->flags == range->flags && last->name[0] == '\0' &&
        range->name[0] == '\0') {
        last->end = range->end;
        return true;
    }
    if (m->count == max)
        return false;
    m->ranges[m->count++] = *range;
    return true;
}

/*
 * Whether mlockall(2) has locked the future cannot be asked.  But the arena, in which this note is written, was
 * mapped a moment ago: it has the flags of what is mapped from now on.
 */
static long read_smaps(struct image_memory *m, size_t max, struct proc_lines *lines)
{
    static const char key[] = "VmFlags:";
    struct memory_range range = {0};
    bool is_range = false, fits = true;
    char *line;
    while (fits && (line = proc_line(lines)) != NULL) {
        if ((*line >= '0' && *line <= '9') || (*line >= 'a' && *line <= 'f'))
            is_range = parse_head(line, &range);
        if (!is_range || !text_starts(line, key))
            continue;
        range.flags = parse_flags(line + strlen(key));
        if (range.start <= (uint64_t)m && (uint64_t)m < range.end)
            m->future = range.flags & (LOCKED | LOCKED_ON_FAULT);
        else if (range.flags != 0 || range.name[0] != '\0')
            fits = add(m, &range, max);
    }
    return fits ? 0 : -E2BIG;
}

static long save(const struct save_request *request, void *note, size_t room)
{
    struct image_memory *m = note;
    struct proc_lines lines;
    if (room <= PART_ROOM + sizeof *m)
        return -E2BIG;
    long error = proc_lines_open(&lines, "/proc/self/smaps", (char *)note + room - PART_ROOM, PART_ROOM);
    if (error != 0)
        return error;
    long full = read_smaps(m, (room - PART_ROOM - sizeof *m) / sizeof *m->ranges, &lines);
    error = proc_lines_close(&lines);
    if (error != 0 || full != 0)
        return error != 0 ? error : full;
    return m->count == 0 && m->future == 0 ? 0 : (long)(sizeof *m + m->count * sizeof *m->ranges);
}

static void describe(part_printf print, const void *note, size_t size)
{
    const struct image_memory *m = note;
    if (m->future != 0)
        print("  what is mapped in the future is locked (mlockall(2))\n");
    if (m->count > (size - sizeof *m) / sizeof *m->ranges)
        return;
    for (const struct memory_range *range = m->ranges; range < m->ranges + m->count; range++) {
        print("  %lx-%lx", range->start, range->end);
        for (int i = 0; i < FLAGS; i++)
            print("%s%s", range->flags & 1U << i ? " " : "", range->flags & 1U << i ? flags[i].letters : "");
        print(range->name[0] != '\0' ? " \"%.83s\"\n" : "%.83s\n", range->name);
    }
}

/*
 * Mapped anew, and empty.  What was in it must not come back: glibc 2.41 has the state of getrandom(3) there, and
 * two lives with the same state would draw the same numbers.  It is memory that can be read and written.
 */
static long restore_droppable(const struct memory_range *range)
{
    uint64_t size = range->end - range->start;
    if ((range->flags & MEMORY_DROPPABLE) == 0)
        return 0;
    long got = sys_mmap(range->start, size, PROT_READ | PROT_WRITE,
                        MAP_DROPPABLE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
    if (!sys_failed(got))
        return 0;
    sys_call(SYS_madvise, (long)range->start, (long)size, MADV_DONTNEED, 0); /* an older kernel: emptied at least */
    return got;
}

static long restore_advice(const struct memory_range *range)
{
    long error = 0;
    for (int i = 0; i < FLAGS; i++)
        if ((range->flags & 1U << i) && flags[i].advice != 0) {
            long size = (long)(range->end - range->start);
            long one = sys_call(SYS_madvise, (long)range->start, size, flags[i].advice, 0);
            error = one != 0 ? one : error;
        }
    return error;
}

/*
 * On fault first: that tells whether the limit allows it.  Then all pages, now; memory that cannot be read
 * (PROT_NONE) answers ENOMEM to that, though it is locked.
 */
static long restore_lock(const struct memory_range *range)
{
    long start = (long)range->start, size = (long)(range->end - range->start);
    long error = range->flags & LOCKED ? sys_call(SYS_mlock2, start, size, MLOCK_ONFAULT, 0) : 0;
    if (error == 0 && (range->flags & (LOCKED | LOCKED_ON_FAULT)) == LOCKED)
        sys_call(SYS_mlock, start, size, 0, 0);
    return error;
}

static long restore_name(const struct memory_range *range)
{
    if (range->name[0] == '\0')
        return 0;
    return arch_syscall(SYS_prctl, PR_SET_VMA, PR_SET_VMA_ANON_NAME, (long)range->start,
                        (long)(range->end - range->start), (long)range->name, 0);
}

/* After this nothing of the range can be changed any more. */
static long restore_seal(const struct memory_range *range)
{
    long size = (long)(range->end - range->start);
    return range->flags & SEALED ? sys_call(SYS_mseal, (long)range->start, size, 0, 0) : 0;
}

/* One line for each kind of failure, however many ranges there are. */
static void warn(const char *what, uint64_t failed, long error)
{
    if (failed > 0)
        say("restart: ", what, " cannot be restored for ", text_number(failed, 10).digits,
            " ranges of memory: errno ", text_number((uint64_t)-error, 10).digits, NULL);
}

static void restore_all(const struct image_memory *m, const char *what,
                        long (*restore_one)(const struct memory_range *))
{
    uint64_t failed = 0;
    long last = 0;
    for (const struct memory_range *range = m->ranges; range < m->ranges + m->count; range++) {
        long error = restore_one(range);
        failed += error != 0;
        last = error != 0 ? error : last;
    }
    warn(what, failed, last);
}

static long restore(const void *note, size_t size)
{
    const struct image_memory *m = note;
    if (m->count > (size - sizeof *m) / sizeof *m->ranges)
        return -EINVAL;
    restore_all(m, "memory that can be dropped (MAP_DROPPABLE)", restore_droppable);
    restore_all(m, "advice (madvise(2))", restore_advice);
    restore_all(m, "names (PR_SET_VMA_ANON_NAME)", restore_name);
    restore_all(m, "locks (mlock(2); the limit is ulimit -l)", restore_lock);
    restore_all(m, "seals (mseal(2))", restore_seal);
    int future = MCL_FUTURE | (m->future & LOCKED_ON_FAULT ? MCL_ONFAULT : 0);
    if (m->future != 0 && sys_call(SYS_mlockall, future, 0, 0, 0) != 0)
        say("restart: mlockall(2) is refused: what will be mapped is not locked (ulimit -l)", NULL);
    return 0;
}

const struct part memory_part = {NOTE_MEMORY, "memory", sizeof(struct image_memory), save, describe, restore};
