/*
 * parts.c - the rooms of stage 3, in the order in which they are saved and restored.
 *
 * The limits come before the memory layout, which the kernel checks against them; the timers come last,
 * since time runs from the moment that they are armed.
 */
#include "part.h"

const struct part *const all_parts[] = {
    &vdso_part, &process_part, &mm_part, &thread_part, &platform_part, &signals_part, &lost_part, &timers_part,
    NULL,
};

const bool saves_shared_memory = false;
