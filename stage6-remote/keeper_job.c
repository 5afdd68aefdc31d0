/*
 * keeper_job.c - the child that becomes the job.  It is there before the image: what is received is its memory.
 *
 *     keeper                      child
 *     stdin, stdout  -- waits     receives the image, and becomes the program
 *     connection     <=========>  connection
 *     next image     <---------   a pipe
 *     ready          <---------   one byte: the plan is made, from here on it is the job that ends
 */
#include "keeper.h"
#include "image_arrive.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define IMAGE_ROOM (1 << 20)     /* bytes: the job is some frames ahead of us */
#define MESSAGES (4 * (int)FRAME_MAX) /* bytes: one frame fits, whatever this machine's default is */

static void make_ends(struct job *job, int theirs[2], int ready[2])
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0 || pipe2(ready, O_CLOEXEC) != 0)
        err(EX_OSERR, "--remote: socketpair or pipe");
    for (int i = 0; i < 2; i++)
        setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &(int){MESSAGES}, sizeof(int));
    job->connection = pair[0];
    theirs[0] = pair[1];
    if (pipe2(pair, O_CLOEXEC) != 0)
        err(EX_OSERR, "--remote: pipe");
    fcntl(pair[0], F_SETPIPE_SZ, IMAGE_ROOM); /* if not: slower */
    job->image = pair[0];
    theirs[1] = pair[1];
}

/*
 * Out of reach of this machine's terminal; and no orphan, whatever happens to the keeper.  A process group of its
 * own, in the keeper's session: in one whose parents are all elsewhere SIGTSTP stops nobody (setpgid(2)).
 */
static void stand_alone(pid_t keeper)
{
    if (getsid(0) != keeper || setpgid(0, 0) != 0)
        setsid();
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        err(EX_OSERR, "--remote: prctl(PR_SET_PDEATHSIG)");
    if (getppid() != keeper) /* it died before that */
        _exit(EX_TEMPFAIL);
}

/* The child has said why. */
static void refused(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            err(EX_OSERR, "waitpid");
    exit(WIFEXITED(status) ? WEXITSTATUS(status) : EX_OSERR);
}

struct job job_start(bool verbose)
{
    static struct image_arrival arrival; /* the child's */
    struct job job;
    int theirs[2], ready[2];
    char byte;
    ssize_t got;
    make_ends(&job, theirs, ready);
    pid_t keeper = getpid();
    job.pid = fork();
    if (job.pid < 0)
        err(EX_OSERR, "fork");
    if (job.pid == 0) {
        stand_alone(keeper);
        close(job.connection);
        close(job.image);
        close(ready[0]);
        receive_image(&arrival);
        remote_become(&arrival, theirs[0], theirs[1], ready[1], verbose);
    }
    close(theirs[0]);
    close(theirs[1]);
    close(ready[1]);
    do
        got = read(ready[0], &byte, 1);
    while (got < 0 && errno == EINTR);
    close(ready[0]);
    if (got != 1)
        refused(job.pid);
    return job;
}
