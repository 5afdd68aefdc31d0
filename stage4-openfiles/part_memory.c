/*
 * part_memory.c - the room of what a program told the kernel about ranges of its memory: madvise(2),
 * mlock(2), mseal(2), and names of anonymous memory (prctl(2), PR_SET_VMA); and of what they are made of: see
 * memory_plan.c.  Given.
 *
 * /proc/self/smaps is the only place that shows it, two letters for each flag.  Noted is what differs from
 * the default, by address: a restart may join or split regions.
 */
#include "image_memory.h"
#include "memory_work.h"
#include "open_kind.h"
#include "part.h"

#define SHOWN_FLAGS 17 /* in smaps; guards are found page by page */
#define FLAGS 18
static const struct {
    char letters[3]; /* in the line VmFlags, proc_pid_smaps(5) */
    uint8_t advice;  /* for madvise(2) */
} flags[FLAGS] = { /* the i-th is the bit 1 << i; enum memory_flag */
    {"lo", 0}, {"lf", 0}, {"sl", 0}, {"sr", MADV_SEQUENTIAL}, {"rr", MADV_RANDOM}, {"dc", MADV_DONTFORK},
    {"dd", MADV_DONTDUMP}, {"wf", MADV_WIPEONFORK}, {"hg", MADV_HUGEPAGE}, {"nh", MADV_NOHUGEPAGE},
    {"mg", MADV_MERGEABLE}, {"gd", 0}, {"ht", 0}, {"dp", 0}, {"um", 0}, {"uw", 0}, {"ui", 0},
    {"gu", MADV_GUARD_INSTALL},
};

#ifndef PR_SET_VMA /* Linux 5.17 */
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif
#ifndef SYS_mseal /* Linux 6.10; the number is the same everywhere */
#define SYS_mseal 462
#endif

/* One region of smaps, as far as it is read. */
struct seen {
    struct memory_range range;
    bool ours; /* no region of the kernel's: [vdso], [vvar], [vsyscall] */
    bool stack, readable, shared, code;
};

/* "START-END PERMS OFFSET DEVICE INODE   NAME" */
static void parse_head(const char *at, struct seen *seen)
{
    struct memory_range *range = &seen->range;
    *seen = (struct seen){.range.start = text_parse(&at, 16)};
    if (*at++ != '-')
        return;
    range->end = text_parse(&at, 16);
    seen->readable = at[0] != '\0' && at[1] == 'r';
    seen->code = text_starts(at, " r-x");
    for (int field = 0; field < 5 && *at != '\0'; field++) {
        seen->shared |= field == 1 && at[3] == 's';
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
    seen->stack = text_is(at, "[stack]");
    seen->ours = !text_starts(at, "[v");
}

static uint32_t parse_flags(const char *at)
{
    uint32_t bits = 0;
    for (; *at != '\0'; at++) {
        for (int i = 0; i < SHOWN_FLAGS; i++)
            if (at[-1] == ' ' && strncmp(at, flags[i].letters, 2) == 0)
                bits |= 1U << i;
        bits |= at[-1] == ' ' && strncmp(at, "bt", 2) == 0 ? MEMORY_LANDING : 0;
        bits |= at[-1] == ' ' && strncmp(at, "mt", 2) == 0 ? MEMORY_TAGGED : 0;
    }
    return bits;
}

/* Once in each checkpoint; restart tells it of each. */
static void tell_tagged(const struct image_memory *m, const struct memory_range *range)
{
    for (const struct memory_range *told = m->ranges; told < m->ranges + m->count; told++)
        if (told->flags & MEMORY_TAGGED)
            return;
    say("libckpt: memory at ", text_number(range->start, 16).digits, "-", text_number(range->end, 16).digits,
        " has tags (PROT_MTE): they do not come back", NULL);
}

/* Lines that come before VmFlags: "KernelPageSize:     2048 kB", "ProtectionKey:         3". */
static uint32_t parse_number(const char *line)
{
    bool size = text_starts(line, "KernelPageSize:");
    if (!size && !text_starts(line, "ProtectionKey:"))
        return 0;
    while (*line != '\0' && (*line < '0' || *line > '9'))
        line++;
    uint64_t number = text_parse(&line, 10) * (size ? 1024 : 1);
    uint32_t shift = size && number != 0 ? (uint32_t)__builtin_ctzl(number) : 0;
    return size ? shift << MEMORY_PAGE_SHIFT : (uint32_t)(number & 15) << MEMORY_KEY_SHIFT;
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

/* Notes the guards in a range.  To the kernel they look swapped out. */
static bool add_guards(struct image_memory *m, size_t max, struct pagemap *pages, const struct memory_range *range,
                       bool readable)
{
    struct page_run run;
    bool fits = true;
    for (uint64_t at = range->start; fits && page_runs_next(pages, at, range->end, &run); at = run.end)
        for (uint64_t page = run.start; fits && (run.kinds & PAGE_RUN_SWAPPED) && page < run.end;
             page += ARCH_PAGE_SIZE)
            if (page_is_guard(pages, page, readable))
                fits = add(m, &(struct memory_range){page, page + ARCH_PAGE_SIZE, MEMORY_GUARD, ""}, max);
    return fits;
}

static long refuse_shared(const struct memory_range *range, const char *of_what)
{
    say("libckpt: region ", text_number(range->start, 16).digits, "-", text_number(range->end, 16).digits,
        " is shared memory ", of_what, ", which cannot be saved", NULL);
    return -ENOTSUP;
}

/* A region of which all lines are read. */
static long add_region(struct image_memory *m, size_t max, struct pagemap *pages, struct seen *seen)
{
    struct memory_range *range = &seen->range;
    if ((range->flags & MEMORY_HUGE) && seen->shared)
        return refuse_shared(range, "of huge pages");
    if (!(range->flags & MEMORY_HUGE))
        range->flags &= ~(63U << MEMORY_PAGE_SHIFT);
    if (!seen->code)
        range->flags &= ~MEMORY_LANDING;
    if (range->flags & MEMORY_TAGGED)
        tell_tagged(m, range);
    if (seen->stack)
        range->flags &= ~(uint32_t)MEMORY_GROWS_DOWN; /* as the table of regions says */
    bool fits = (range->flags == 0 && range->name[0] == '\0') || add(m, range, max);
    fits = fits && add_guards(m, max, pages, range, seen->readable);
    const struct memory_range *last = m->ranges + m->count - 1;
    if (seen->shared && m->count > 0 && (last->flags & MEMORY_GUARD) && last->end > range->start)
        return refuse_shared(range, "with guards (MADV_GUARD_INSTALL)"); /* behind which zeros would come back */
    return fits ? 0 : -E2BIG;
}

/*
 * Whether mlockall(2) has locked the future cannot be asked.  But the arena, in which this note is written, was
 * mapped a moment ago: it has the flags of what is mapped from now on.
 */
static long read_smaps(const struct save_request *request, struct image_memory *m, size_t max,
                       struct memory_work *work)
{
    static const char key[] = "VmFlags:";
    const struct live_view *live = live_view(request);
    struct seen seen = {0};
    struct memory_range *range = &seen.range;
    long error = 0;
    for (char *line; error == 0 && (line = proc_line(&work->lines)) != NULL;) {
        if ((*line >= '0' && *line <= '9') || (*line >= 'a' && *line <= 'f'))
            parse_head(line, &seen);
        range->flags |= parse_number(line);
        if (!seen.ours || !text_starts(line, key))
            continue;
        range->flags |= parse_flags(line + strlen(key));
        if (live != NULL && live->tracks(range->start))
            range->flags &= ~(uint32_t)MEMORY_USERFAULT;
        if (range->start <= (uint64_t)m && (uint64_t)m < range->end)
            m->future = range->flags & (MEMORY_LOCKED | MEMORY_LOCKED_ON_FAULT);
        else
            error = add_region(m, max, &work->pages, &seen);
    }
    return error;
}

static long save(const struct save_request *request, void *note, size_t room)
{
    struct image_memory *m = note;
    struct memory_work *work = memory_work(note, room);
    if (room <= PART_ROOM + sizeof *m)
        return -E2BIG;
    long error = proc_lines_open(&work->lines, "/proc/self/smaps", work->buffer, sizeof work->buffer);
    if (error != 0)
        return error;
    page_runs_open(&work->pages);
    work->pages.anonymous = true; /* a guard of a file's looks as any other */
    long full = read_smaps(request, m, (room - PART_ROOM - sizeof *m) / sizeof *m->ranges, work);
    sys_close(work->pages.fd);
    error = proc_lines_close(&work->lines);
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
        if (range->flags & MEMORY_HUGE)
            print(" of %lu bytes", 1UL << MEMORY_PAGE(range->flags));
        print("%s%s", range->flags & MEMORY_LANDING ? " bt" : "", range->flags & MEMORY_TAGGED ? " mt" : "");
        if (MEMORY_KEY(range->flags) != 0)
            print(" key %u", MEMORY_KEY(range->flags));
        print(range->name[0] != '\0' ? " \"%.83s\"\n" : "%.83s\n", range->name);
    }
}

static long restore_advice(const struct memory_range *range)
{
    long error = 0;
    for (int i = 0; i < FLAGS; i++)
        if ((range->flags & 1U << i) && flags[i].advice != 0) {
            long size = (long)(range->end - range->start);
            long one = sys_call(SYS_madvise, (long)range->start, size, flags[i].advice, 0);
            if (one != 0 && 1U << i == MEMORY_GUARD) /* memory_plan.c has told */
                one = sys_mprotect(range->start, (size_t)size, PROT_NONE);
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
    long error = range->flags & MEMORY_LOCKED ? sys_call(SYS_mlock2, start, size, MLOCK_ONFAULT, 0) : 0;
    if (error == 0 && (range->flags & (MEMORY_LOCKED | MEMORY_LOCKED_ON_FAULT)) == MEMORY_LOCKED)
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

static long restore_landing(const struct memory_range *range)
{
    int prot = PROT_READ | PROT_EXEC | ARCH_PROT_LANDING;
    return range->flags & MEMORY_LANDING ? sys_mprotect(range->start, range->end - range->start, prot) : 0;
}

/* After this nothing of the range can be changed any more. */
static long restore_seal(const struct memory_range *range)
{
    long size = (long)(range->end - range->start);
    return range->flags & MEMORY_SEALED ? sys_call(SYS_mseal, (long)range->start, size, 0, 0) : 0;
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
    restore_all(m, "advice (madvise(2))", restore_advice);
    restore_all(m, "names (PR_SET_VMA_ANON_NAME)", restore_name);
    restore_all(m, "locks (mlock(2); the limit is ulimit -l)", restore_lock);
    restore_all(m, "landing pads (PROT_BTI)", restore_landing);
    restore_all(m, "seals (mseal(2))", restore_seal);
    int future = MCL_FUTURE | (m->future & MEMORY_LOCKED_ON_FAULT ? MCL_ONFAULT : 0);
    if (m->future != 0 && sys_call(SYS_mlockall, future, 0, 0, 0) != 0)
        say("restart: mlockall(2) is refused: what will be mapped is not locked (ulimit -l)", NULL);
    return 0;
}

const struct part memory_part = {NOTE_MEMORY, "memory", sizeof(struct image_memory), save, describe, restore};
