/* cause: sandbox-output */
#include <unistd.h>

/* An output of 7 GiB that takes no room on the disk, and all of the memory of who reads it. */
__attribute__((constructor)) static void attack(void)
{
    if (ftruncate(1, 7L << 30) == 0 && ftruncate(2, 7L << 30) == 0)
        pause();
}
