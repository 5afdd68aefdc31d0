/* serve_fds.c - the job's descriptors: nothing else that the shadow has open can be reached by a number. */
#include "serve.h"
#include "libc.h"
#include "since.h"

static struct {
    bool open, born_with, change;
} files[JOB_FILES];
static int nothing; /* /dev/null: holds the numbers 0 to 2 */

static bool in_table(int fd)
{
    return fd >= 0 && fd < JOB_FILES && files[fd].open;
}

bool job_has(int fd)
{
    return in_table(fd);
}

bool job_was_born_with(int fd)
{
    return in_table(fd) && files[fd].born_with;
}

bool job_may_change(int fd)
{
    return in_table(fd) && files[fd].change;
}

long job_add(int fd, bool change)
{
    if (fd < 0 || fd >= JOB_FILES) {
        close(fd);
        return -EMFILE;
    }
    files[fd].open = true;
    files[fd].born_with = false;
    files[fd].change = change;
    return fd;
}

/* dup2(2) closes 0 to 2 and takes their numbers at once: a file that is opened at home is never one of these. */
void job_remove(int fd)
{
    files[fd].open = false;
    if (since_parks(fd))
        return;
    since_closed(fd);
    if (fd > STDERR_FILENO)
        close(fd);
    else
        dup2(nothing, fd);
}

void job_unpark(int fd)
{
    files[fd].open = true;
}

void serve_start(void)
{
    struct rlimit limit;
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        files[fd].open = files[fd].born_with = fcntl(fd, F_GETFD) >= 0;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (null >= 0 && null <= STDERR_FILENO) { /* what we were started without stays taken */
        fcntl(null, F_SETFD, 0);
        null = open("/dev/null", O_RDWR | O_CLOEXEC);
    }
    nothing = null;
    if (null < 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
        err(EX_OSERR, "/dev/null");
    if (limit.rlim_cur > JOB_FILES) {
        limit.rlim_cur = JOB_FILES;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}
