/*
 * parts.c - the rooms of stages 3 and 4, in the order in which they are saved and restored.
 *
 * The limits come before the memory layout, which the kernel checks against them, and before the files, of which
 * there may be many; the timers come last, since time runs from the moment that they are armed.
 */
#include "part.h"

const struct part *const all_parts[] = {
    &process_part, &mm_part, &thread_part, &signals_part, &files_part, &timers_part, NULL,
};

const bool saves_shared_memory = true;
