/*
 * clock_plan.c - a monotonic clock that does not go back.
 *
 * CLOCK_MONOTONIC counts from the machine's start; what a program remembers of it means nothing on another
 * machine. A time namespace gives a process clocks with an offset.  Who makes one with unshare(2) puts its
 * children there; by setns(2) a process with one thread enters it itself.  It needs CAP_SYS_ADMIN, which a user
 * namespace gives.
 */
#include "surroundings_plan.h"

#include <linux/capability.h>
#include <sched.h>
#include <sys/wait.h>

#ifndef CLONE_NEWTIME /* Linux 5.6 */
#define CLONE_NEWTIME 0x80
#endif

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return done;
}

/* A user namespace in which we are who we are. */
static bool enter_user_namespace(void)
{
    char map[64];
    uid_t user = geteuid();
    gid_t group = getegid();
    if (unshare(CLONE_NEWUSER | CLONE_NEWTIME) != 0)
        return false;
    snprintf(map, sizeof map, "%u %u 1\n", user, user);
    if (!write_file("/proc/self/setgroups", "deny") || !write_file("/proc/self/uid_map", map))
        return false;
    snprintf(map, sizeof map, "%u %u 1\n", group, group);
    return write_file("/proc/self/gid_map", map);
}

static void offset_line(char line[64], const char *clock, int64_t offset)
{
    int64_t rest = ((offset % NSEC) + NSEC) % NSEC;
    snprintf(line, 64, "%s %ld %ld\n", clock, (offset - rest) / NSEC, rest);
}

static bool enter(int64_t monotonic_offset, int64_t boot_offset)
{
    char monotonic[64], boot[64], both[128];
    if (unshare(CLONE_NEWTIME) != 0 && (errno != EPERM || !enter_user_namespace()))
        return false;
    offset_line(monotonic, "monotonic", monotonic_offset);
    offset_line(boot, "boottime", boot_offset);
    snprintf(both, sizeof both, "%s%s", monotonic, boot);
    if (!write_file("/proc/self/timens_offsets", both))
        return false;
    int fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
    bool done = fd >= 0 && setns(fd, CLONE_NEWTIME) == 0;
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return done;
}

/* The capabilities that a user namespace gave are not the program's. */
static int enter_with_own_capabilities(int64_t monotonic_offset, int64_t boot_offset)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct own[2];
    syscall(SYS_capget, &header, own);
    struct stat before = {0}, after = {0};
    stat("/proc/self/ns/user", &before);
    int error = enter(monotonic_offset, boot_offset) ? 0 : errno;
    syscall(SYS_capset, &header, own);
    stat("/proc/self/ns/user", &after);
    return error == 0 && before.st_ino != after.st_ino ? IN_USER_NAMESPACE : error;
}

int clock_namespace(int64_t monotonic_offset, int64_t boot_offset, bool try)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(enter_with_own_capabilities(monotonic_offset, boot_offset));
    if (child < 0 || waitpid(child, &status, 0) != child)
        return errno;
    status = WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
    if (try || (status != 0 && status != IN_USER_NAMESPACE))
        return status;
    return enter_with_own_capabilities(monotonic_offset, boot_offset);
}
