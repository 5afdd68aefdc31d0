/* At the end of stage 6's shadow.c: the job runs here, as a child of ckpt-shadow's, which passes signals on; beside it a
 * restart --remote waits, which has nothing to do. Each is what it should be, and each line is right. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int the_job;

static void pass_on(int number)
{
    kill(the_job, number);
}

static void wait_beside(const char *argv0)
{
    char path[4096], *end;
    int ends[2];

    strncpy(path, argv0, sizeof path - 16);
    end = strrchr(path, '/');
    if (end == NULL || pipe(ends) || fork())
        return;
    strcpy(end + 1, "restart-static");
    dup2(ends[0], 0);
    dup2(ends[1], 1);
    execl(path, path, "--remote", (char *)NULL);
    _exit(71);
}

__attribute__((constructor)) static void beside(int argc, char **argv)
{
    int i = 1, status = 0;

    while (i < argc && argv[i][0] == '-')
        i += strcmp(argv[i], "-v") ? 2 : 1;
    if (i >= argc)
        return;
    wait_beside(argv[0]);
    the_job = fork();
    if (the_job == 0) {
        execvp(argv[i], argv + i);
        _exit(71);
    }
    signal(SIGTERM, pass_on);
    while (waitpid(the_job, &status, 0) != the_job)
        ;
    if (WIFSIGNALED(status))
        kill(getpid(), WTERMSIG(status));
    _exit(WEXITSTATUS(status));
}
