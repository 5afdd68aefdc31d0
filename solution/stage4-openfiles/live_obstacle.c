/*
 * live_obstacle.c - what is in the way of a child that saves the program (ckpt --live).  System calls only.  Given.
 *
 * Of the program's system calls a filter may kill it (seccomp(2)), and our handler makes many.  So filters are
 * counted: in a container there is one from the start.
 */
#include "libc.h"
#include "library.h"
#include "live.h"
#include "open_kind.h"

static uint64_t at_start; /* signature() of the program when this life began */

/* A number of /proc/PID/status; pid 0: of this process. */
static uint64_t status_number(long pid, const char *key, unsigned base)
{
    char path[64], status[4096];
    uint64_t value = 0;
    struct number number = text_number((uint64_t)pid, 10);
    text_join(path, sizeof path, "/proc/", pid == 0 ? "self" : number.digits, "/status", NULL);
    if (procfile_read(path, status, sizeof status) > 0)
        fdinfo_number(status, key, base, &value);
    return value;
}

uint64_t live_status_number(const char *key)
{
    return status_number(0, key, 10);
}

/* What it is forbidden: the mode, 0 to 2, and how many filters (from Linux 5.9 on). */
static uint64_t signature(long pid)
{
    return status_number(pid, "Seccomp", 10) + 4 * status_number(pid, "Seccomp_filters", 10);
}

void live_note_filters(void)
{
    at_start = signature(0);
}

bool live_has_new_filter(void)
{
    return signature(0) != at_start;
}

/* Whom it kills to open a file, it kills for that: so first what the mode alone tells is asked for. */
bool live_is_free_at_end(void)
{
    long mode = sys_call(SYS_prctl, PR_GET_SECCOMP, 0, 0, 0);
    return mode == (long)(at_start & 3) && (mode == 0 || !live_has_new_filter());
}

/* If the program has set the signal back to its default action, it would die of it; or of a new filter. */
bool live_would_survive(const struct live *live)
{
    return (status_number(live->program, "SigCgt", 16) >> (live->signal - 1)) & 1 &&
           signature(live->program) == at_start;
}

/* unshare(2): its next child would be the first process of another PID namespace, which ends with that. */
static bool has_children_elsewhere(void)
{
    static const char link[] = "/proc/self/ns/pid_for_children"; /* it leads nowhere until there is a child */
    char own[64], next[64];
    struct stat st;
    long length = sys_readlink("/proc/self/ns/pid", own, sizeof own);
    return length > 0 && sys_call(SYS_newfstatat, AT_FDCWD, (long)link, (long)&st, AT_SYMLINK_NOFOLLOW) == 0 &&
           (sys_readlink(link, next, sizeof next) != length || memcmp(own, next, (size_t)length) != 0);
}

const char *live_obstacle(void)
{
    if (library_remote_image != NULL && library_remote_image())
        return "its image goes to another machine";
    if (procfile_stat(20) > 1)
        return "it has more than one thread";
    if (live_status_number("VmLck") != 0)
        return "it has locked memory (mlock(2)), for which nobody shall wait";
    if (live_has_new_filter())
        return "it has set a filter of system calls (seccomp(2)), and may be killed for ours";
    if (has_children_elsewhere())
        return "its next child would be in another PID namespace (unshare(2))";
    return NULL;
}
