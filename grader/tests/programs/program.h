/* program.h: what every program under test shares.
 *
 * A program under test draws random nonces at its start, puts each in another
 * kind of memory, and prints them on its first line.  Every later line ends in
 * "#" and a hash over the line, the lines before it and the nonces as memory
 * holds them NOW; then each nonce changes.  The grader recomputes the hashes
 * from the first line.  So a program that is run again from its start, or that
 * lost a page, or that goes on by luck, prints a hash that does not fit.
 *
 * gate(n) says that it is there, and waits until the grader makes the file
 * $CKPTLAB_GATES/n.  It asks by system call and without libc, so a checkpoint
 * can be taken at a known place, however fast or slow the machine is.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stddef.h>
#include <stdint.h>

#define NONCES 5 /* heap, stack, static, thread-local, mapped */

#define START() uint64_t nonce_on_stack; start(&nonce_on_stack)

void start(uint64_t *on_stack);
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_text(const char *text);
void say_number(const char *what, unsigned number);
const char *seal(const char *text, char *line, size_t size);
void gate(int number);
const char *gate_path(int number);
int finish(void);

uint64_t draw(void);
uint64_t mix(uint64_t a, uint64_t b);

#endif
