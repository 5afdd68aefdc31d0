/*
 * no_image.h - files that are no image, and no core file, though what is in them may be one; and those of another
 * kind of machine.  Uses libc.
 */
#ifndef CKPT_NO_IMAGE_H
#define CKPT_NO_IMAGE_H

#include <elf.h>

/*
 * Why the file at `path` cannot be read as one, and what to do: it is compressed, a pipe, a directory, ...  NULL:
 * nothing is known against it, or it is not there.  What is no regular file is not opened: who writes to a FIFO
 * goes on waiting.
 */
const char *no_image_reason(const char *path);

/* Why a core file with this header is none of this machine's; valid until the next call.  NULL: it is one. */
const char *no_image_here(const Elf64_Ehdr *elf);

/* What people call a machine, by the number that ELF files have for it (e_machine). */
const char *machine_name(unsigned machine);

/* Says why; but first what another machine's image says of itself, as far as all machines write it alike. */
__attribute__((noreturn)) void no_image_exit(int status, const char *path, const char *why);

#endif
