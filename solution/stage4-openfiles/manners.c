/*
 * manners.c - how libckpt.so behaves in somebody else's program: it takes no stack, no file and no signal of the
 * program's.  What stage 2 asks for by library.h.  Given.
 */
#include "handler_stack.h"
#include "incremental.h"
#include "library.h"
#include "libc.h"
#include "live.h"
#include "manners.h"
#include "own_stderr.h"
#include "part.h"

static bool standard[3]; /* at the checkpoint 0, 1 and 2 were such files; 2: the standard error */

void library_start(int signal, long owner)
{
    own_stderr_note(strcmp(environment("CKPT_VERBOSE", "0"), "0") != 0);
    handler_stack_use(signal);
    live_start(signal);
    incremental_start();
    image_names_start();
    if (owner != getpid())
        return; /* a child of the program that ckpt started */
    taken_signal_watch(signal);
    next_program_watch(signal);
}

/* The arguments of library_checkpoint(), for live_checkpoint(), which runs on another stack. */
static struct {
    int (*write_image)(void);
    const char *path;
    bool at_once;
} asked;

static int take(void)
{
    return live_checkpoint(asked.write_image, asked.path, asked.at_once);
}

int library_checkpoint(int (*write_image)(void), const struct save_request *request, const char *path)
{
    asked.write_image = write_image;
    asked.path = path;
    asked.at_once = request->at_once;
    for (int fd = 0; fd < 3; fd++) /* the image tells the second life */
        standard[fd] = fd == 2 ? own_stderr_there() : library_is_standard(fd);
    return handler_stack_call(take);
}

bool library_is_standard(int fd)
{
    return own_stderr_is_standard(fd);
}

void library_second_life(void)
{
    own_stderr_new_life(standard);
    handler_stack_new_life();
    live_new_life();
    live_note_filters();
    incremental_new_life();
    taken_signal_new_life();
    next_program_new_life();
}
