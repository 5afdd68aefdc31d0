/*
 * paths.c - on which side is the file that a path names?  And what does home call it?  (remote_call.h)
 *
 * Home's is everything, but for path_rules[].  What these name must not lead back into this machine's files: /proc
 * has links to them, and `..` leads out.  So of a path with a rule:
 *
 *     /proc/self/fd/7, /dev/fd/7, /dev/stdin   the job's own descriptor, wherever that is
 *     /proc/self/exe, /proc/self/cwd           home's: the program's file, the working directory
 *     /proc/PID/root, cwd, exe, fd, map_files  nobody's business: NOWHERE; so is a descriptor of our own
 *     with a `..`                              home's, which has no such path
 *     others                                   HERE
 */
#include "open_kind.h"
#include "path_rules.h"
#include "remote.h"
#include "remote_table.h"
#include "text.h"

static char translated[2][PATH_MAX]; /* rename(2) has two paths */

static bool has_parent(const char *path)
{
    for (const char *at = path; (at = strstr(at, "..")) != NULL; at += 2)
        if ((at == path || at[-1] == '/') && (at[2] == '/' || at[2] == '\0'))
            return true;
    return false;
}

/* Adds a character to a path of this length; after "/" a '/' adds nothing, and "/./" is "/".  The new length. */
static size_t add_plainly(char *to, size_t length, char c)
{
    bool ends = c == '/' || c == '\0';
    if (ends && length >= 2 && to[length - 1] == '.' && to[length - 2] == '/')
        length--;
    if (c != '/' || length == 0 || to[length - 1] != '/')
        to[length++] = c;
    return length;
}

/*
 * The path without what names nothing: /proc//self and /proc/./self are /proc/self, to the rules as to the kernel.
 * The result is static.  NULL: it cannot be read, or is too long; who makes the call says so.
 */
static const char *plain(const char *path)
{
    static char copy[PATH_MAX];
    long size = readable_length(path);
    size_t length = 0;
    for (long i = 0; i <= size; i++) /* with its '\0' */
        length = add_plainly(copy, length, path[i]);
    return size < 0 ? NULL : copy;
}

/* If `path` begins with these whole names: what follows, from its slash on, or "".  Else NULL. */
static const char *behind(const char *path, const char *prefix)
{
    size_t length = strlen(prefix);
    bool ends = strncmp(path, prefix, length) == 0 && (path[length] == '/' || path[length] == '\0');
    return ends ? path + length : NULL;
}

/* What follows /proc/self, /proc/thread-self or /proc/OUR-PID; else NULL. */
static const char *behind_self(const char *path)
{
    char own[32];
    text_join(own, sizeof own, "/proc/", text_number((uint64_t)sys_getpid(), 10).digits, NULL);
    const char *rest = behind(path, "/proc/self");
    if (rest == NULL)
        rest = behind(path, "/proc/thread-self");
    return rest != NULL ? rest : behind(path, own);
}

/* The descriptor that a path like /dev/fd/7 names, or -1. */
static long named_descriptor(const char *path)
{
    static const char *const standard[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
    for (int fd = 0; fd < 3; fd++)
        if (strcmp(path, standard[fd]) == 0)
            return fd;
    const char *self = behind_self(path), *rest = self != NULL ? behind(self, "/fd") : behind(path, "/dev/fd");
    if (rest == NULL || *rest++ != '/')
        return -1;
    const char *end = rest;
    uint64_t number = text_parse(&end, 10);
    return end != rest && *end == '\0' && number <= INT32_MAX ? (long)number : -1;
}

/* Does the path begin with the name of a link in /proc/PID that leads into the files of this machine? */
static bool is_link(const char *path)
{
    static const char *const links[] = {"root", "cwd", "exe", "fd", "map_files", "task"};
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        if (behind(path, links[i]) != NULL)
            return true;
    return false;
}

/* /proc/7/root and its like, of any process. */
static bool leads_out(const char *path)
{
    const char *process = behind(path, "/proc");
    const char *rest = process == NULL || *process == '\0' ? NULL : strchr(process + 1, '/');
    return rest != NULL && is_link(rest + 1);
}

enum side path_side(const char *path)
{
    if (path == NULL || (path = plain(path)) == NULL)
        return HOME;
    long fd = named_descriptor(path);
    if (fd >= 0)
        return table_find(fd) != NULL ? HOME : remote_call_owns(fd) ? NOWHERE : HERE;
    const char *self = behind_self(path);
    if (self != NULL && (behind(self, "/cwd") != NULL || strcmp(self, "/exe") == 0))
        return HOME;
    if (leads_out(path))
        return NOWHERE;
    for (const struct path_rule *rule = path_rules; rule->prefix != NULL; rule++)
        if (behind(path, rule->prefix) != NULL)
            return has_parent(path) ? HOME : HERE;
    return HOME;
}

/* A path relative to a directory of this machine's, which can only be below /proc or /sys. */
enum side map_at(long *fd, const char *path)
{
    bool known = path != NULL && readable(path);
    if (known && *path == '/') {
        *fd = AT_FDCWD;
        return path_side(path);
    }
    enum side side = map(fd);
    if (side == HERE && known && (strchr(path, '/') != NULL || strcmp(path, "..") == 0 || is_link(path)))
        return NOWHERE;
    return side;
}

const char *path_home(const char *path)
{
    static int turn;
    const char *known = plain(path);
    if (known == NULL)
        return path;
    char *to = translated[turn ^= 1];
    const char *self = behind_self(known), *rest = self == NULL ? NULL : behind(self, "/cwd");
    long fd = named_descriptor(known);
    const struct remote_file *file = table_find(fd);
    if (file != NULL)
        text_join(to, PATH_MAX, "/proc/self/fd/", text_number((uint64_t)file->real, 10).digits, NULL);
    else if (rest != NULL)
        text_join(to, PATH_MAX, ".", rest, NULL);
    else if (self != NULL && strcmp(self, "/exe") == 0)
        return remote_program;
    else
        return path;
    return to;
}
