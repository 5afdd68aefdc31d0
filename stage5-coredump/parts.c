/*
 * parts.c - the rooms of stages 3 and 4, and the signal frame of stage 5, in the order in which they are saved
 * and restored.
 *
 * Shared memory comes before the limits, which might forbid what it takes on the way; the limits before the memory
 * layout, which the kernel checks against them, and before the files, of which there may be many, and the locks on
 * memory.  A timer that rings between its room and that of the signals would be found twice, so these are
 * neighbours; and they come last, since time runs from the moment that timers are armed.
 */
#include "part.h"

const struct part *const all_parts[] = {
    &vdso_part, &children_part, &surroundings_part, &shared_part, &process_part, &mm_part, &thread_part,
    &platform_part, &mutexes_part, &files_part, &attributes_part, &numa_part, &memory_part, &settings_part,
    &library_part, &posix_timers_part, &timers_part, &signals_part, &frame_part, NULL,
};

const bool saves_shared_memory = true;
