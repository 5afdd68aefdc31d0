/*
 * part_mm.c - the room of the memory layout: what the kernel remembers of an address space besides its
 * regions.  Where the heap ends (brk), where the stack began, where arguments and environment lie
 * (/proc/PID/cmdline shows them), and the auxiliary vector (gdb finds the libraries by it).
 *
 * prctl(2), PR_SET_MM_MAP needs no privilege, but CONFIG_CHECKPOINT_RESTORE; all its fields must be filled.
 */
#include "part.h"

struct image_mm {
    struct prctl_mm_map map; /* <linux/prctl.h>; auxv and exe_fd are filled at the restart */
    uint64_t auxv[128];      /* map.auxv_size bytes of it are used */
};

static long save(const struct save_request *request, void *note, size_t room)
{
    struct image_mm *mm = note;
    //@ step 3.8 Save the layout of the address space.
    //@ Goal: all fields of mm->map but the auxiliary vector, which is done below. Where to read: prctl(2),
    //@ PR_SET_MM_MAP for the fields; proc_pid_stat(5) for where the kernel shows them, procfile.h for how to ask.
    //@ One is not among them: the end of the heap, brk(2).
    uint64_t stat[PROCFILE_STATS];
    procfile_stats(stat);
    mm->map = (struct prctl_mm_map){
        .start_code = stat[26], .end_code = stat[27], .start_stack = stat[28], .start_data = stat[45],
        .end_data = stat[46], .start_brk = stat[47], .arg_start = stat[48], .arg_end = stat[49],
        .env_start = stat[50], .env_end = stat[51], .brk = (uint64_t)sys_call(SYS_brk, 0, 0, 0, 0),
    };
    //@ end
    long size = procfile_read("/proc/self/auxv", (char *)mm->auxv, sizeof mm->auxv);
    mm->map.auxv_size = size > 0 ? (uint32_t)size : 0;
    return size < 0 ? size : (long)sizeof *mm;
}

static void describe(part_printf print, const void *note, size_t size)
{
    const struct prctl_mm_map *map = note;
    print("  heap 0x%llx-0x%llx, stack from 0x%llx\n", map->start_brk, map->brk, map->start_stack);
    print("  arguments 0x%llx-0x%llx, environment 0x%llx-0x%llx\n", map->arg_start, map->arg_end, map->env_start,
          map->env_end);
}

static long restore(const void *note, size_t size)
{
    const struct image_mm *mm = note;
    //@ step 3.8 Give the layout to the kernel.
    //@ Goal: the kernel takes mm->map for its own. Two fields are not right as they are in the note: where is
    //@ auxv in *this* process, and which program file shall /proc/PID/exe show (it stays restart: exe_fd is -1)?
    //@ sys_call() has too few arguments, arch_syscall() has enough. A kernel that cannot is no reason to die.
    //@ stub: (void)mm;
    struct prctl_mm_map map = mm->map;
    map.auxv = (__u64 *)mm->auxv;
    map.exe_fd = (__u32)-1; /* /proc/PID/exe stays restart: another one needs privilege */
    long error = arch_syscall(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, (long)&map, sizeof map, 0, 0);
    if (error != 0) /* the program can live without, for a while: malloc() falls back to mmap() */
        say("restart: heap end, arguments and auxv are not restored: PR_SET_MM_MAP failed",
            error == -EINVAL ? "; a kernel without CONFIG_CHECKPOINT_RESTORE?" : "", NULL);
    //@ end
    return 0;
}

const struct part mm_part = {NOTE_MM, "mm", sizeof(struct image_mm), save, describe, restore};
