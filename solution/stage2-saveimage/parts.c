/* parts.c - the rooms of stage 2: memory comes with the regions, so only the registers are listed. */
#include "part.h"

const struct part *const all_parts[] = {
    &context_part,
    NULL,
};
