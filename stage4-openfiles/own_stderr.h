/* own_stderr.h - may a library in somebody else's program speak on descriptor 2?  Async-signal-safe.  Given. */
#ifndef CKPT_OWN_STDERR_H
#define CKPT_OWN_STDERR_H

#include <stdbool.h>

/*
 * Notes what descriptor 2 is now: the standard error for say() from here on.  `patient`: a message waits for ever
 * if nobody reads (ckpt -v), otherwise for a second at most.
 */
void own_stderr_note(bool patient);

/* Is descriptor 2 still what was noted? */
bool own_stderr_there(void);

/* A new life: if `there`, restart has put a new file in the place of the one that was noted; else there is none. */
void own_stderr_new_life(bool there);

#endif
