/* build_id.h - the identity that the linker gave to an ELF file (ld(1), --build-id). */
#ifndef CKPT_BUILD_ID_H
#define CKPT_BUILD_ID_H

#include "image.h"

/*
 * Looks into the first `size` bytes of a file for its NT_GNU_BUILD_ID note.  Returns the number of
 * bytes written to id; 0 if there is none, or if it is longer than BUILD_ID_MAX.  Async-signal-safe.
 */
uint32_t build_id_find(const unsigned char *file, uint64_t size, uint8_t id[BUILD_ID_MAX]);

#endif
