/* sleeper.c: at gate 1 it waits in libc's own usleep(), so the signal comes there; and it sleeps afterwards. */
#include "program.h"

#include <errno.h>
#include <unistd.h>

int main(void)
{
    START();
    say_text("gate 01");
    for (unsigned i = 0; access(gate_path(1), F_OK) != 0; i++)
        if (usleep(100000) != 0 && errno != EINTR)
            say_text("usleep failed");
    for (int i = 0; i < 3; i++)
        usleep(1000);
    say_text("slept");
    return finish();
}
