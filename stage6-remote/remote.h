/* remote.h - what a job of ckpt-shadow's knows of itself.  remote.c; in libckpt.so. */
#ifndef CKPT_REMOTE_H
#define CKPT_REMOTE_H

#include "remote_life.h"

/* The program's file, as home knows it: /proc/self/exe. */
extern const char *const remote_program;

/* What restart --remote writes to before each life (NOTE_REMOTE has its address). */
extern struct remote_life remote_life;

#endif
