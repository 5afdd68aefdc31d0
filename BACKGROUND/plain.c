/* plain.c: a program that knows nothing of constructors and has no handler.
 * "plain 12" sends itself signal 12 (SIGUSR2), as "kill -USR2 PID" does from outside.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    printf("main: begins\n");
    fflush(stdout);
    if (argc > 1)
        raise(atoi(argv[1]));
    printf("main: ends\n");
    return 0;
}
