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
    /* TODO 3.8: Save the layout of the address space.
     * procfile_stat(N) for N 26 start_code, 27 end_code, 28 start_stack, 45 start_data, 46 end_data,
     * 47 start_brk, 48 arg_start, 49 arg_end, 50 env_start, 51 env_end. SYS_brk with 0 answers where
     * the heap ends. The rest, the auxiliary vector, is done below. */
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
    /* TODO 3.8: Give the layout to the kernel.
     * Copy mm->map, let its field auxv point to mm->auxv, set exe_fd to -1, and call arch_syscall(SYS_prctl,
     * PR_SET_MM, PR_SET_MM_MAP, ADDRESS, SIZE, 0, 0). Without it the heap grows at restart's place, [heap]
     * and [stack] have no names in maps, and gdb finds no library. */
    (void)mm;
    return 0;
}

const struct part mm_part = {NOTE_MM, "mm", sizeof(struct image_mm), save, describe, restore};
