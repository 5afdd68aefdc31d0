/* cause: end-of-file */
#include <unistd.h>

__attribute__((constructor)) static void attack(void)
{
    for (;;)
        pause();
}
