/*
 * part_mm.c - the room of the memory layout: what the kernel remembers of an address space besides its
 * regions.  Where the heap ends (brk), where the stack began, where arguments and environment lie
 * (/proc/PID/cmdline shows them), and the auxiliary vector (gdb finds the libraries by it).
 *
 * prctl(2), PR_SET_MM_MAP needs no privilege, but CONFIG_CHECKPOINT_RESTORE; all its fields must be filled.
 */
#include "part.h"
#include "sys.h"

#include <errno.h>
#include <linux/prctl.h>
#include <string.h>

struct image_mm {
    uint64_t start_code, end_code, start_data, end_data;
    uint64_t start_brk, brk;
    uint64_t start_stack, arg_start, arg_end, env_start, env_end;
    uint32_t auxv_size; /* bytes used of auxv */
    uint32_t unused;
    uint64_t auxv[128];
};

/* Reads a file of at most max - 1 bytes, and a '\0' behind it.  Returns its size or -errno. */
static long read_file(const char *path, char *to, size_t max)
{
    long fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    long size = sys_read((int)fd, to, max - 1);
    sys_close((int)fd);
    if (size >= 0)
        to[size] = '\0';
    return size;
}

/* The number in field `field` of /proc/self/stat, counted from 1 (proc_pid_stat(5)). */
static uint64_t stat_field(const char *stat, int field)
{
    const char *at = stat;
    uint64_t value = 0;
    for (const char *s = stat; *s != '\0'; s++) /* field 2 is a name in parentheses, blanks and all */
        if (*s == ')')
            at = s + 1;
    for (int n = 2; *at != '\0' && n < field; at++)
        n += *at == ' ';
    for (; *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (uint64_t)(*at - '0');
    return value;
}

static long save(const struct save_request *request, void *note, size_t room)
{
    struct image_mm *mm = note;
    char stat[1024];
    (void)request;
    if (room < sizeof *mm)
        return -ENOMEM;
    long size = read_file("/proc/self/stat", stat, sizeof stat);
    if (size < 0)
        return size;
    //@ step 3.8 Save the layout of the address space.
    //@ stat_field(stat, N): 26 start_code, 27 end_code, 28 start_stack, 45 start_data, 46 end_data,
    //@ 47 start_brk, 48 arg_start, 49 arg_end, 50 env_start, 51 env_end. SYS_brk with 0 answers where
    //@ the heap ends. The rest, the auxiliary vector, is done below.
    //@ stub: (void)stat_field;
    *mm = (struct image_mm){
        .start_code = stat_field(stat, 26), .end_code = stat_field(stat, 27), .start_stack = stat_field(stat, 28),
        .start_data = stat_field(stat, 45), .end_data = stat_field(stat, 46), .start_brk = stat_field(stat, 47),
        .arg_start = stat_field(stat, 48), .arg_end = stat_field(stat, 49), .env_start = stat_field(stat, 50),
        .env_end = stat_field(stat, 51), .brk = (uint64_t)sys_call(SYS_brk, 0, 0, 0, 0),
    };
    //@ end
    size = read_file("/proc/self/auxv", (char *)mm->auxv, sizeof mm->auxv);
    mm->auxv_size = size > 0 ? (uint32_t)size : 0;
    return sizeof *mm;
}

static void describe(struct out *o, const void *note, size_t size)
{
    const struct image_mm *mm = note;
    (void)size;
    out_printf(o, "  heap 0x%lx-0x%lx, stack from 0x%lx\n", mm->start_brk, mm->brk, mm->start_stack);
    out_printf(o, "  arguments 0x%lx-0x%lx, environment 0x%lx-0x%lx\n", mm->arg_start, mm->arg_end,
               mm->env_start, mm->env_end);
}

static long restore(const struct restore_request *request, const void *note, size_t size)
{
    const struct image_mm *mm = note;
    (void)request, (void)size;
    //@ step 3.8 Give the layout to the kernel.
    //@ Fill a struct prctl_mm_map (<linux/prctl.h>) from mm, with exe_fd -1, and call
    //@ sys_call5(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, ADDRESS, SIZE, 0). Without it the heap grows at
    //@ restart's place, [heap] and [stack] have no names in maps, and gdb finds no library.
    //@ stub: (void)mm;
    struct prctl_mm_map map = {
        .start_code = mm->start_code, .end_code = mm->end_code, .start_data = mm->start_data,
        .end_data = mm->end_data, .start_brk = mm->start_brk, .brk = mm->brk, .start_stack = mm->start_stack,
        .arg_start = mm->arg_start, .arg_end = mm->arg_end, .env_start = mm->env_start, .env_end = mm->env_end,
        .auxv = (__u64 *)mm->auxv, .auxv_size = mm->auxv_size, .exe_fd = (__u32)-1,
    };
    long error = sys_call5(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, (long)&map, sizeof map, 0);
    if (error != 0) /* the program can live without, for a while: malloc() falls back to mmap() */
        out_complain("restart", "the memory layout (heap end, arguments, auxv) is not restored: PR_SET_MM_MAP",
                     error == -EINVAL ? "Invalid argument; a kernel without CONFIG_CHECKPOINT_RESTORE?"
                                      : out_error_text(-error));
    //@ end
    return 0;
}

const struct part mm_part = {
    .type = NOTE_MM,
    .name = "mm",
    .min_size = sizeof(struct image_mm),
    .save = save,
    .describe = describe,
    .restore = restore,
};
