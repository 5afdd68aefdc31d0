/* core_notes.h - the notes that every core file has, for gdb and readelf.  Async-signal-safe. */
#ifndef CKPT_CORE_NOTES_H
#define CKPT_CORE_NOTES_H

#include "image_write.h"
#include "part.h"

/* Adds NT_PRSTATUS, NT_PRPSINFO, NT_AUXV and NT_FILE. */
void core_notes_add(struct note_list *notes, const struct save_request *request, const struct region_table *table);

#endif
