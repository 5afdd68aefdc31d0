/* handler_stack.h - a signal handler on a stack of its own: the program's may have 4 KiB.  Given. */
#ifndef CKPT_HANDLER_STACK_H
#define CKPT_HANDLER_STACK_H

/*
 * From now on the handler of `signal`, which is registered, runs on the library's own stack, unless the program
 * has set an alternate signal stack: then on that one.
 */
void handler_stack_use(int signal);

/* In the handler: calls function() on a second stack of the library's, and returns its result. */
int handler_stack_call(int (*function)(void));

/* In the handler, in the second life: the function whose stack that was does not come back. */
void handler_stack_new_life(void);

#endif
