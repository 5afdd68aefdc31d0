/* cause: sandbox-memory */
#include <stdlib.h>
#include <string.h>

/* Memory without end. */
__attribute__((constructor)) static void attack(void)
{
    for (;;) {
        char *more = malloc(16 << 20);
        if (more)
            memset(more, 1, 16 << 20);
    }
}
