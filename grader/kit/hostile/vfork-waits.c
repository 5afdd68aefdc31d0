/* cause: end-of-file */
#include <unistd.h>

/* A wait that looks like work: who waits for its vfork(2) is in state D, as if for a disk, and takes no time of a processor. */
__attribute__((constructor)) static void attack(void)
{
    if (vfork() == 0)
        for (;;)
            pause();
}
