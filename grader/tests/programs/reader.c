/* reader.c: waits in read() for a byte that a child of its writes when gate 1
 * is open; says what read() returned. */
#include "program.h"

#include <errno.h>
#include <unistd.h>

int main(void)
{
    START();
    int ends[2];
    char byte = 0;

    if (pipe(ends))
        return 71;
    say("gate 01"); /* of the child; the parent is about to read */
    if (fork() == 0) {
        while (access(gate_path(1), F_OK) != 0 && getppid() != 1)
            usleep(1000);
        _exit(write(ends[1], "x", 1) != 1);
    }
    ssize_t n = read(ends[0], &byte, 1);
    say("read %d %s", (int)n, n < 0 && errno == EINTR ? "EINTR" : "");
    gate(2);
    return finish();
}
