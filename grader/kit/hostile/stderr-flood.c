/* cause: sandbox-output */
#include <string.h>
#include <unistd.h>

/* Messages without end, in one line. */
__attribute__((constructor)) static void attack(void)
{
    static char block[1 << 16];

    memset(block, '\r', sizeof block);
    for (;;)
        if (write(2, block, sizeof block) < 0)
            _exit(1);
}
