/* parts.c - the rooms of stage 2: none yet.  Memory and registers are in every image. */
#include "part.h"

const struct part *const all_parts[] = {NULL};

const bool saves_shared_memory = false;
