/* own_stderr.h - are 0, 1, 2 what the program was born with; may we speak on 2?  Async-signal-safe.  Given. */
#ifndef CKPT_OWN_STDERR_H
#define CKPT_OWN_STDERR_H

#include <stdbool.h>

/*
 * Notes what 0, 1 and 2 are now; 2 is the standard error for say() from here on.  `patient`: a message waits for
 * ever if nobody reads (ckpt -v), otherwise for a second at most.
 */
void own_stderr_note(bool patient);

/* Is descriptor 2 still what was noted? */
bool own_stderr_there(void);

/* Is this descriptor's file one of those that were 0, 1 and 2 then?  `> log 2>&1` gives two numbers to one file. */
bool own_stderr_is_standard(int fd);

/* A new life: if there[fd], restart has put a new file in the place of the one that was noted; else none is. */
void own_stderr_new_life(const bool there[3]);

#endif
