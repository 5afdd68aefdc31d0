/*
 * core_signals.c - what each signal does, from the text that libsavefds wrote.  A core file does not tell.  The
 * text also names, behind a `#`, the open files that have no path (pipes, sockets, deleted files): nobody has them.
 *
 *     signal 10 : 55d0c1a2b1c9 : 14000000 : 7f20dc1a2050 : 0        number : handler : flags : restorer : mask
 *
 * All but the number in hexadecimal; a line for each signal whose action is not the default.
 */
#include "core_plan.h"
#include "image_signals.h"

#include <ctype.h>

static void parse_line(struct image_signals *signals, const char *line, const char *path)
{
    unsigned number;
    struct kernel_sigaction action;
    if (sscanf(line, "signal %u : %lx : %lx : %lx : %lx", &number, &action.handler, &action.flags, &action.restorer,
               &action.mask) != 5 || number < 1 || number > SIGNALS)
        errx(EX_DATAERR, "%s: not a signal's action: %s", path, line);
    signals->actions[number - 1] = action;
}

/* Nothing is lost in silence. */
static void say_lost(const char *line, bool strict)
{
    fprintf(stderr, "restart: not brought back: %s", line);
    if (strict)
        errx(EX_DATAERR, "--strict: no restart, since something would not come back");
}

void core_signals(struct image *image, const char *text, bool strict)
{
    static struct image_signals signals;
    char *line = NULL;
    size_t room = 0;
    FILE *file = text != NULL ? fopen(text, "re") : NULL;
    while (file != NULL && getline(&line, &room, file) > 0)
        if (strncmp(line, "signal ", 7) == 0)
            parse_line(&signals, line, text);
        else if (strncmp(line, "# ", 2) == 0 && isdigit((unsigned char)line[2]))
            say_lost(line + 2, strict);
    free(line);
    if (file != NULL)
        fclose(file);
    image_put_note(image, NOTE_SIGNALS, &signals, sizeof signals);
}
