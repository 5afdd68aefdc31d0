/* kinds.c - the kinds of open files, by their numbers; and so the order in which they are asked. */
#include "open_kind.h"

const struct open_kind *const open_kinds[OPEN_KINDS] = {
    [OPEN_LOST] = &kind_lost, [OPEN_FILE] = &kind_file, [OPEN_DIRECTORY] = &kind_directory,
    [OPEN_DEVICE] = &kind_device, [OPEN_TERMINAL] = &kind_terminal,
};
