/*
 * libc.h - the headers of libc that the lab's programs use, in one place, and how all of them show their
 * usage and ask the environment.  Not for the restorer.
 */
#ifndef CKPT_LIBC_H
#define CKPT_LIBC_H

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

/* The value of an environment variable; `otherwise`, if there is none or it is empty. */
static inline const char *environment(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value != NULL && *value != '\0' ? value : otherwise;
}

/* The exit status of a program that has printed: `status`; or 74, and it says so, if standard output could not be
 * written.  Also a write in the middle may have failed: ferror(3) remembers. */
static inline int output_status(int status)
{
    bool failed = fflush(stdout) != 0;
    if (!failed && !ferror(stdout))
        return status;
    warnx("standard output: %s", failed ? strerror(errno) : "a part could not be written");
    return EX_IOERR;
}

/* Prints the usage and ends the program: to stdout, with 0, if it was asked for; else to stderr, with 64. */
__attribute__((noreturn)) static inline void usage_exit(const char *usage, bool asked_for)
{
    fputs(usage, asked_for ? stdout : stderr);
    exit(asked_for ? output_status(EX_OK) : EX_USAGE);
}

#endif
