/*
 * strict.c - restart --strict: no restart if anything would not be as it was.
 *
 * Each part of the plan names what it cannot bring back, and counts it; the refusal comes behind the last of them.
 * So one run tells all that is in the way, and the same run without --strict says the same.
 */
#include "files_plan.h"

void strict_check(int differences, bool strict)
{
    if (strict && differences > 0)
        errx(EX_NOINPUT,
             "--strict: %d things cannot be what they were, so no restart (--accept WORD,... for those that have a "
             "word and do not matter)",
             differences);
}
