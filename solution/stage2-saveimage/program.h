/* program.h - can this program be checkpointed?  Asked before it is started.  Uses libc. */
#ifndef CKPT_PROGRAM_H
#define CKPT_PROGRAM_H

#include "page_size.h"

#include <elf.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* Finds `name` as execvp(3) does.  False if there is no such program. */
bool program_find(const char *name, char path[PATH_MAX]);

/*
 * NULL if LD_PRELOAD works for the program at `path`; else what is in the way: it is statically linked,
 * set-user-ID, another machine's...  If it is a script, `path` becomes that of its interpreter.
 */
const char *program_problem(char path[PATH_MAX]);

/*
 * Can the dynamic linker that this ELF program asks for load libckpt.so?  NULL, or what is in the way; in memory
 * that the next call overwrites.  Weak: in a build that does not look, the function's address is NULL.
 */
__attribute__((weak, visibility("hidden"))) const char *program_linking(int fd, const Elf64_Ehdr *elf);

#endif
