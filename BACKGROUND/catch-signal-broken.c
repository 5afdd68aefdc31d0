/* catch-signal-broken.c: BROKEN. SIGUSR2 comes, and there is no handler (yet).
 *
 * The default action of SIGUSR2 is to kill the process. `kill -USR2` sent a moment
 * too early, before the constructor has run, does not make a checkpoint: it ends
 * the program. That is why you must know that a program is ready before you send it.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    printf("I send myself SIGUSR2\n");
    fflush(stdout);
    kill(getpid(), SIGUSR2); /* BROKEN: nobody has registered a handler */
    printf("this line is never printed\n");
    return 0;
}
