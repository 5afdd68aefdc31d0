/* build_id.h - the identity that the linker gave to an ELF file (ld(1), --build-id). */
#ifndef CKPT_BUILD_ID_H
#define CKPT_BUILD_ID_H

#include "image.h"

/* The build id of an ELF file: BUILD_ID_SIZE bytes inside its first page; NULL: none.  Async-signal-safe. */
const uint8_t *build_id_find(const void *first_page);

#endif
