/* cause: end-of-file */
#include <unistd.h>

/* Nothing at all, for ever. */
__attribute__((constructor)) static void attack(void)
{
    for (;;)
        pause();
}
