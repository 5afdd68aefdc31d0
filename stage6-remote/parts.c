/*
 * parts.c - the rooms of stage 5, in its order, and that of a job whose files are at home.
 *
 * Its place does not matter: what it writes lies in memory that all the others leave alone.
 */
#include "part.h"

const struct part *const all_parts[] = {
    &vdso_part, &children_part, &surroundings_part, &shared_part, &process_part, &mm_part, &thread_part,
    &platform_part, &mutexes_part, &files_part, &attributes_part, &numa_part, &memory_part, &settings_part,
    &library_part, &remote_part, &posix_timers_part, &timers_part, &signals_part, &frame_part, NULL,
};

const bool saves_shared_memory = true;
