/* cause: sandbox-output */
#include <unistd.h>

/* Output without end. */
__attribute__((constructor)) static void attack(void)
{
    static const char line[] = "6 regions: 20 of 20 points\n";

    for (;;)
        if (write(1, line, sizeof line - 1) < 0)
            _exit(1);
}
