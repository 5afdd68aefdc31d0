/* path_rules.c - the rules, as a table: what belongs to the machine that runs the job.  All else is home's. */
#include "path_rules.h"

#include <stddef.h>

const struct path_rule path_rules[] = {
    {"/proc", "processes, memory and processors are this machine's"},
    {"/sys", "its devices"},
    {"/dev/urandom", "random bytes are as good here"},
    {"/dev/random", "the same"},
    {NULL, NULL},
};
