/* kinds.c - the kinds of open files, by their numbers; and so the order in which they are asked. */
#include "open_kind.h"

const struct open_kind *const open_kinds[OPEN_KINDS] = {
    [OPEN_LOST] = &kind_lost, [OPEN_FILE] = &kind_file, [OPEN_DIRECTORY] = &kind_directory,
    [OPEN_DEVICE] = &kind_device, [OPEN_TERMINAL] = &kind_terminal,
    [OPEN_FIFO] = &kind_fifo, [OPEN_PIPE] = &kind_pipe, [OPEN_MEMFD] = &kind_memfd,
    [OPEN_EVENTFD] = &kind_eventfd, [OPEN_TIMERFD] = &kind_timerfd, [OPEN_SIGNALFD] = &kind_signalfd,
    [OPEN_EPOLL] = &kind_epoll, [OPEN_INOTIFY] = &kind_inotify,
};
