/*
 * parts.c - the rooms of stages 3 and 4, in the order in which they are saved and restored.
 *
 * Shared memory comes before the limits, which might forbid what it takes on the way; the limits before the memory
 * layout, which the kernel checks against them, and before the files, of which there may be many; the timers last, since
 * time runs from the moment that they are armed.
 */
#include "part.h"

const struct part *const all_parts[] = {
    &shared_part, &process_part, &mm_part, &thread_part, &signals_part, &files_part, &timers_part, NULL,
};

const bool saves_shared_memory = true;
