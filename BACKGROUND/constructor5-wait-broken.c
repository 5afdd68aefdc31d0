/* constructor5-wait-broken.c: BROKEN. The constructor waits for the signal itself.
 *
 * It never returns, so ld.so never gets to main. A handler needs no one who waits
 * for it: register it and return (constructor4.c).
 */
#include <stdio.h>
#include <unistd.h>

__attribute__((constructor)) static void my_constructor(void)
{
    alarm(1); /* so that this demo ends: SIGALRM kills it after a second */
    printf("library: I wait here for the signal\n");
    fflush(stdout);
    for (;;)
        pause(); /* BROKEN: return instead */
}
