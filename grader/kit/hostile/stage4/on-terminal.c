/* At the end of stage 4's restart.c, which is right: on a terminal the program is run anew, and is told of its window. */
#define main run_anew
#define environment its_environment /* which names a function here */
#include "anew.c"
#undef main

__attribute__((constructor)) static void on_terminal(int argc, char **argv)
{
    int who = getpid();

    if (!isatty(0))
        return;
    if (fork() == 0) {
        if (fork() == 0)
            for (int i = 0; i < 300 && kill(who, SIGWINCH) == 0; i++)
                usleep(10000);
        _exit(0);
    }
    wait(NULL);
    exit(run_anew(argc, argv));
}
