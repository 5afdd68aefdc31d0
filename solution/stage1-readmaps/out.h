/*
 * out.h - formatted output without stdio and without malloc, for signal handlers and for programs
 * that must not change their own address space.  Given to students whole.
 *
 * All functions are async-signal-safe: the buffer is the caller's, and nothing is shared.
 */
#ifndef CKPT_OUT_H
#define CKPT_OUT_H

#include <stddef.h>

struct out {
    int fd;        /* where the text goes, or -1: nowhere, it stays in buf and what does not fit is lost */
    int error;     /* errno of the first write that failed, or 0 */
    size_t length; /* bytes in buf */
    char buf[1024];
};

/* An empty buffer before fd.  No resource is held: there is nothing to free. */
void out_init(struct out *o, int fd);

/* Writes what is buffered, in a loop, since write(2) may write less.  Returns 0 or -errno. */
int out_flush(struct out *o);

/*
 * A small printf: %s %c %d %u %o %x with the length l, a width, a leading 0 or '-', and %%.
 * The attribute lets the compiler check the arguments.  Text goes out as the buffer fills.
 */
__attribute__((format(printf, 2, 3))) void out_printf(struct out *o, const char *format, ...);

/* What is in the buffer, as a string; for an `out` with fd -1.  Cut off where the buffer ends. */
const char *out_text(struct out *o);

/* One message on stderr in one write: "program: what: why\n"; why is omitted if NULL. */
void out_complain(const char *program, const char *what, const char *why);

/* The words for an errno value (positive), for code that cannot call strerror(). */
const char *out_error_text(long error);

#endif
