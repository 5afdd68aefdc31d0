/*
 * text.h - messages, numbers and a few questions to strings without stdio and without malloc, for signal handlers
 * and for the code that rebuilds a process.  All functions are async-signal-safe.  Given to students whole.
 */
#ifndef CKPT_TEXT_H
#define CKPT_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

/* The same, with what follows `first` as a va_list: for functions like say(). */
size_t text_join_list(char *to, size_t size, const char *first, va_list more);

static inline bool starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

static inline bool ends_with(const char *s, const char *suffix)
{
    size_t length = strlen(s), tail = strlen(suffix);
    return length >= tail && strncmp(s + length - tail, suffix, tail) == 0;
}

/* 0 to 15, or more than that for what is no digit. */
static inline unsigned digit_value(char c)
{
    return c >= '0' && c <= '9' ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 99;
}

/* The descriptor of standard error: 2.  restart changes it in the copy of its code that rebuilds a process. */
extern const int say_to __attribute__((visibility("hidden")));

/* Writes the joined strings (the last argument is NULL) and a newline to stderr, in one write(). */
void say(const char *first, ...) __attribute__((sentinel));

#endif
