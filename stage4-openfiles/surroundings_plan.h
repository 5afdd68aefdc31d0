/* surroundings_plan.h - says what lies around the second life and is not what lay around the first. */
#ifndef CKPT_SURROUNDINGS_PLAN_H
#define CKPT_SURROUNDINGS_PLAN_H

#include "files_plan.h"
#include "restart_plan.h"
#include "surroundings.h"

/*
 * Compares restart's surroundings with those of the image, names each difference, and puts the clocks right where
 * that is allowed (not with --dry-run).  Returns how many there are whose word is not in --accept.
 */
int surroundings_plan(struct restart_plan *plan, const struct files_options *options);

/*
 * clock_plan.c: gives this process a time namespace (time_namespaces(7)) with these offsets, in nanoseconds from
 * the kernel's own clocks.  0, or IN_USER_NAMESPACE if it took one of these, too; or an errno, and nothing has
 * changed. `try`: only find out, in a child.
 */
#define IN_USER_NAMESPACE 255
int clock_namespace(int64_t monotonic_offset, int64_t boot_offset, bool try);

/* Is the word one of those of --accept (with a comma between them; NULL: none)? */
bool is_accepted(const char *words, const char *word);

#endif
