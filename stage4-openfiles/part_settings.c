/*
 * part_settings.c - the room of small settings that a process has asked the kernel for, beyond part_attributes.c:
 * more of prctl(2), membarrier(2), two files of /proc.  Given.
 *
 * What was never set is not touched: its answer is the same in both lives.
 */
#include "open_kind.h"
#include "part.h"

/* One prctl(2) reads it, another writes it.  Some take a number before the value. */
struct setting {
    int get, set;
    long number; /* NONE: there is none */
    bool by_pointer;
    char name[32];
};

#define NONE (-1)
#ifndef PR_GET_IO_FLUSHER /* Linux 5.6 */
#define PR_SET_IO_FLUSHER 57
#define PR_GET_IO_FLUSHER 58
#endif
#ifndef PR_SET_MDWE /* Linux 6.3 */
#define PR_SET_MDWE 65
#define PR_GET_MDWE 66
#endif
#ifndef PR_SPEC_L1D_FLUSH /* Linux 5.15 */
#define PR_SPEC_L1D_FLUSH 2
#endif

#ifndef PR_SPEC_DISABLE_NOEXEC /* Linux 5.1 */
#define PR_SPEC_DISABLE_NOEXEC (1 << 4)
#endif

#define SETTINGS 8
static const struct setting settings[SETTINGS] = {
    {PR_GET_KEEPCAPS, PR_SET_KEEPCAPS, NONE, false, "keep capabilities"},
    {PR_GET_TSC, PR_SET_TSC, NONE, true, "the time stamp counter"},
    {PR_MCE_KILL_GET, PR_MCE_KILL, PR_MCE_KILL_SET, false, "the machine check policy"},
    {PR_GET_IO_FLUSHER, PR_SET_IO_FLUSHER, NONE, false, "I/O flusher"},
    {PR_GET_SPECULATION_CTRL, PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, false, "speculation: store bypass"},
    {PR_GET_SPECULATION_CTRL, PR_SET_SPECULATION_CTRL, PR_SPEC_INDIRECT_BRANCH, false, "speculation: branches"},
    {PR_GET_SPECULATION_CTRL, PR_SET_SPECULATION_CTRL, PR_SPEC_L1D_FLUSH, false, "speculation: L1D flush"},
    {PR_GET_MDWE, PR_SET_MDWE, NONE, false, "deny write-execute"}, /* last: what is mapped is mapped */
};

/* linux/membarrier.h; by number, since older headers lack some. */
#define MEMBARRIER_GET_REGISTRATIONS (1 << 9) /* Linux 6.3 */
#define MEMBARRIER_REGISTRATIONS     4
static const int membarriers[MEMBARRIER_REGISTRATIONS][2] = {/* to register; to use */
                                                             {1 << 2, 0},
                                                             {1 << 4, 1 << 3},
                                                             {1 << 6, 1 << 5},
                                                             {1 << 8, 1 << 7}};

struct image_settings {
    int64_t settings[SETTINGS]; /* negative: that kernel does not know it */
    int64_t membarrier;         /* registrations, by their commands */
    int64_t oom_score_adj;      /* -1000 to 1000, proc_pid_oom_score_adj(5) */
    int64_t coredump_filter;    /* core(5) */
    uint64_t util_min, util_max; /* sched_setattr(2); 0, 0: not known */
    uint64_t arch_features;      /* arch_get_features() */
};

/* The second version of the kernel's struct sched_attr. */
struct utilization {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t util_min, util_max;
};
#define KEEP_ALL   0x18 /* SCHED_FLAG_KEEP_POLICY, _KEEP_PARAMS */
#define UTIL_CLAMP 0x60

static long get_setting(const struct setting *setting)
{
    int value = 0;
    bool for_number = setting->get == PR_GET_SPECULATION_CTRL;
    long argument = setting->by_pointer ? (long)&value : for_number ? setting->number : 0;
    long answer = sys_call(SYS_prctl, setting->get, argument, 0, 0);
    return answer == 0 && setting->by_pointer ? value : answer;
}

/* A kernel before 6.3 does not list them, but it refuses what needs one. */
static int64_t get_membarriers(void)
{
    long listed = sys_call(SYS_membarrier, MEMBARRIER_GET_REGISTRATIONS, 0, 0, 0), found = 0;
    for (int i = 0; i < MEMBARRIER_REGISTRATIONS && listed < 0; i++)
        if (membarriers[i][1] != 0 && sys_call(SYS_membarrier, membarriers[i][1], 0, 0, 0) == 0)
            found |= membarriers[i][0];
    return listed >= 0 ? listed : found;
}

static int64_t read_number(const char *path, unsigned base)
{
    char text[32];
    const char *at = text;
    if (procfile_read(path, text, sizeof text) <= 0)
        return INT64_MIN;
    bool negative = *at == '-';
    at += negative;
    int64_t value = (int64_t)text_parse(&at, base);
    return negative ? -value : value;
}

static void get_utilization(struct image_settings *s)
{
    struct utilization now = {0};
    if (sys_call(SYS_sched_getattr, 0, (long)&now, sizeof now, 0) == 0 && now.size >= sizeof now) {
        s->util_min = now.util_min;
        s->util_max = now.util_max;
    }
}

static void get_all(struct image_settings *s)
{
    for (int i = 0; i < SETTINGS; i++)
        s->settings[i] = get_setting(&settings[i]);
    s->membarrier = get_membarriers();
    s->oom_score_adj = read_number("/proc/self/oom_score_adj", 10);
    s->coredump_filter = read_number("/proc/self/coredump_filter", 16);
    get_utilization(s);
    s->arch_features = arch_get_features();
}

static long save(const struct save_request *request, void *note, size_t room)
{
    if (arch_has_shadow_stack()) {
        say("libckpt: the program has a hardware shadow stack, which cannot come back (GLIBC_TUNABLES="
            ARCH_SHADOW_STACK_OFF ")",
            NULL);
        return -ENOTSUP;
    }
    get_all(note);
    return sizeof(struct image_settings);
}

static void describe(part_printf print, const void *note, size_t size)
{
    const struct image_settings *s = note;
    for (int i = 0; i < SETTINGS; i++)
        print("%s%s %ld", i == 0 ? "  " : ", ", settings[i].name, s->settings[i]);
    print("\n  membarrier registrations 0x%lx, oom_score_adj %ld, coredump_filter 0x%lx\n",
          s->membarrier, s->oom_score_adj, s->coredump_filter);
}

static void warn_lost(const char *name)
{
    say("restart: ", name, " cannot be restored: the kernel, or a lack of privilege, forbids it", NULL);
}

/* It was never asked for; or this kernel, or this processor, has no such thing (an error; PR_SPEC_NOT_AFFECTED). */
static bool is_off(const struct setting *setting, int64_t value)
{
    int64_t asked = PR_SPEC_DISABLE | PR_SPEC_FORCE_DISABLE | PR_SPEC_DISABLE_NOEXEC;
    return value <= 0 || (setting->get == PR_GET_SPECULATION_CTRL && (value & asked) == 0);
}

static void restore_setting(const struct setting *setting, int64_t value)
{
    bool speculation = setting->get == PR_GET_SPECULATION_CTRL;
    int64_t now = get_setting(setting);
    if (value < 0 || now == value || (is_off(setting, value) && is_off(setting, now)))
        return;
    if (speculation)
        sys_call(SYS_prctl, setting->set, setting->number, value & ~(int64_t)PR_SPEC_PRCTL, 0);
    else if (setting->number != NONE)
        sys_call(SYS_prctl, setting->set, setting->number, value, 0);
    else
        sys_call(SYS_prctl, setting->set, value, 0, 0);
    if (get_setting(setting) != value)
        warn_lost(setting->name);
}

static void write_number(const char *path, int64_t value, const char *name)
{
    char text[40];
    struct number digits = text_number((uint64_t)(value < 0 ? -value : value), 10);
    size_t length = text_join(text, sizeof text, value < 0 ? "-" : "", digits.digits, NULL);
    long fd = sys_open(path, O_WRONLY | O_CLOEXEC, 0);
    if (fd < 0 || sys_write((int)fd, text, length) != (long)length)
        warn_lost(name);
    if (fd >= 0)
        sys_close((int)fd);
}

static void restore_utilization(const struct image_settings *then, const struct image_settings *now)
{
    struct utilization wanted = {.size = sizeof wanted,
                                 .flags = KEEP_ALL | UTIL_CLAMP,
                                 .util_min = (uint32_t)then->util_min,
                                 .util_max = (uint32_t)then->util_max};
    bool same = then->util_min == now->util_min && then->util_max == now->util_max;
    if (then->util_max != 0 && !same && sys_call(SYS_sched_setattr, 0, (long)&wanted, 0, 0) != 0)
        warn_lost("the utilization clamp (sched_setattr(2))");
}

static long restore(const void *note, size_t size)
{
    const struct image_settings *then = note;
    struct image_settings now = {0};
    get_all(&now);
    for (int i = 0; i < MEMBARRIER_REGISTRATIONS; i++)
        if ((then->membarrier & ~now.membarrier & membarriers[i][0]) != 0 &&
            sys_call(SYS_membarrier, membarriers[i][0], 0, 0, 0) != 0)
            warn_lost("a registration of membarrier(2)");
    if (then->oom_score_adj != now.oom_score_adj && then->oom_score_adj != INT64_MIN)
        write_number("/proc/self/oom_score_adj", then->oom_score_adj, "oom_score_adj");
    if (then->coredump_filter != now.coredump_filter && then->coredump_filter != INT64_MIN)
        write_number("/proc/self/coredump_filter", then->coredump_filter, "coredump_filter");
    restore_utilization(then, &now);
    if (arch_set_features(then->arch_features, now.arch_features) != 0)
        warn_lost("a feature of the processor (arch_prctl(2))");
    for (int i = 0; i < SETTINGS; i++)
        restore_setting(&settings[i], then->settings[i]);
    return 0;
}

const struct part settings_part = {NOTE_SETTINGS, "settings", sizeof(struct image_settings),
                                   save,          describe,   restore};
