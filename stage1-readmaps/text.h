/*
 * text.h - messages and numbers without stdio and without malloc, for signal handlers and for the code
 * that rebuilds a process.  All functions are async-signal-safe.  Given to students whole.
 */
#ifndef CKPT_TEXT_H
#define CKPT_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* A number as a string. */
struct number {
    char digits[24]; /* any 64-bit number, and its '\0' */
};

/* The digits of value in the given base (10 or 16): say("pid ", text_number(pid, 10).digits, NULL). */
struct number text_number(uint64_t value, unsigned base);

/*
 * Joins strings (the last argument is NULL) into `to`, size bytes with the '\0'.  Returns the length;
 * what does not fit is cut off.
 */
size_t text_join(char *to, size_t size, const char *first, ...) __attribute__((sentinel));

/* Writes the joined strings (the last argument is NULL) and a newline to stderr, in one write(). */
void say(const char *first, ...) __attribute__((sentinel));

#endif
