/*
 * core_signals.c - what each signal does, from the text that libsavefds wrote.  A core file does not tell.
 *
 *     signal 10 : 55d0c1a2b1c9 : 14000000 : 7f20dc1a2050 : 0        number : handler : flags : restorer : mask
 *
 * All but the number in hexadecimal; a line for each signal whose action is not the default.
 */
#include "core_plan.h"
#include "image_signals.h"

static void parse_line(struct image_signals *signals, const char *line, const char *path)
{
    unsigned number;
    struct kernel_sigaction action;
    if (sscanf(line, "signal %u : %lx : %lx : %lx : %lx", &number, &action.handler, &action.flags, &action.restorer,
               &action.mask) != 5 || number < 1 || number > SIGNALS)
        errx(EX_DATAERR, "%s: not a signal's action: %s", path, line);
    signals->actions[number - 1] = action;
}

void core_signals(struct image *image, const char *text)
{
    static struct image_signals signals;
    char *line = NULL;
    size_t room = 0;
    FILE *file = text != NULL ? fopen(text, "re") : NULL;
    while (file != NULL && getline(&line, &room, file) > 0)
        if (strncmp(line, "signal ", 7) == 0)
            parse_line(&signals, line, text);
    free(line);
    if (file != NULL)
        fclose(file);
    image_put_note(image, NOTE_SIGNALS, &signals, sizeof signals);
}
