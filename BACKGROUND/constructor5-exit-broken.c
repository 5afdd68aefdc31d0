/* constructor5-exit-broken.c: BROKEN. The constructor ends with exit(0), as main does.
 *
 * A constructor is an ordinary function that ld.so calls. exit() ends the process,
 * main is never called, and since the status is 0 nobody notices.
 */
#include <stdio.h>
#include <stdlib.h>

__attribute__((constructor)) static void my_constructor(void)
{
    printf("library: my work is done\n");
    exit(0); /* BROKEN: return instead */
}
