/* Before glibc 2.26 the struct behind ucontext_t was called struct ucontext; older homework says so. */
#include_next <ucontext.h>
#define ucontext ucontext_t
