/*
 * stubs_links.c - readlink(2), by hand: some links are answered by what the job knows of itself.
 *
 *     /proc/self/exe        the program's file at home
 *     /proc/self/cwd        home's working directory
 *     /proc/self/fd/7       where home's descriptor leads: the shadow reads the link of its own
 */
#include "remote.h"
#include "remote_table.h"
#include "syscall_stubs.h"

/* A name of ours for the program's buffer: no '\0', and cut off if it is too long (readlink(2)). */
static long give(const char *name, char *buffer, long size)
{
    long length = (long)strlen(name);
    if (size <= 0)
        return -EINVAL;
    if (!writable(buffer))
        return -EFAULT;
    length = length < size ? length : size;
    memcpy(buffer, name, (size_t)length);
    return length;
}

static long read_link(const char *path, char *buffer, long size)
{
    static char directory[PATH_MAX + 1]; /* home may forget a '\0': the last one stays */
    long arguments[CALL_ARGUMENTS] = {(long)directory, PATH_MAX};
    if (strcmp(path_home(path), remote_program) == 0 && strcmp(path, remote_program) != 0)
        return give(remote_program, buffer, size);
    if (strcmp(path_home(path), ".") != 0 || strcmp(path, ".") == 0)
        return 0;
    long length = remote_getcwd(arguments);
    return length < 0 ? length : give(directory, buffer, size);
}

/* Anywhere else: as stub_gen would have made it. */
static long at_home(const long *arguments, enum side side)
{
    return side == HOME ? remote_readlinkat(arguments) : side == HERE ? CALL_LOCAL : -EACCES;
}

long stub_readlinkat(struct trap *trap)
{
    long arguments[CALL_ARGUMENTS];
    memcpy(arguments, trap->arguments, sizeof arguments);
    const char *path = (const char *)arguments[1]; // NOLINT
    enum side side = map_at(&arguments[0], path);
    long own = side == HOME && readable(path) ? read_link(path, (char *)arguments[2], arguments[3]) : 0; // NOLINT
    return own != 0 ? own : at_home(arguments, side);
}

long stub_readlink(struct trap *trap)
{
    const long *a = trap->arguments;
    struct trap same = {trap->context, SYS_readlinkat, {AT_FDCWD, a[0], a[1], a[2]}};
    return stub_readlinkat(&same);
}
