/*
 * serve_walk.c - along a path, step by step.
 *
 * The kernel would follow `..` and links wherever they lead.  So each step is made by itself (O_NOFOLLOW: a link is
 * not followed but read, and walked here), and each name is looked up in the list before it is looked up on the
 * disk: what is not allowed is not even known to exist.  RESOLVE_BENEATH of openat2(2) would refuse good links that
 * are absolute.
 *
 * Where we are, the kernel says (path_of()), not the names that we came through: a folder may be moved meanwhile.
 */
#include "libc.h"
#include "serve_paths.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#define LINKS_MOST 40 /* as the kernel's: MAXSYMLINKS */

struct walk {
    int at;                  /* the folder where we are */
    char path[PATH_MAX];     /* its path */
    char rest[PATH_MAX];     /* what is left to walk */
    char name[NAME_MAX + 1]; /* the step that is made now */
    bool is_last;            /* it is the last */
    bool has_slash;          /* and a '/' follows: it must be a folder */
    int links;               /* that were followed */
};

int path_of(int fd, char path[PATH_MAX])
{
    char name[FD_NAME_ROOM];
    ssize_t n = readlink(fd_name(fd, name), path, PATH_MAX - 1);
    if (n < 0)
        return -errno;
    path[n] = '\0';
    return path[0] == '/' ? 0 : -EACCES; /* "(unreachable)..." */
}

/* To another folder; `fd` is the walk's then.  0 or -errno. */
static int go_to(struct walk *w, int fd)
{
    int error = fd < 0 ? -errno : 0;
    if (error == 0) {
        if (w->at >= 0)
            close(w->at);
        w->at = fd;
        error = path_of(fd, w->path);
    }
    return error;
}

static int go_to_root(struct walk *w)
{
    return go_to(w, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

/* Cuts the next name off what is left.  1; 0: there is none; or -errno. */
static int next_name(struct walk *w)
{
    char *start = w->rest + strspn(w->rest, "/");
    size_t length = strcspn(start, "/");
    if (length > NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(w->name, start, length);
    w->name[length] = '\0';
    char *behind = start + length;
    w->is_last = behind[strspn(behind, "/")] == '\0';
    w->has_slash = *behind == '/';
    memmove(w->rest, behind, strlen(behind) + 1);
    return length > 0;
}

/* `name` in the folder where we are, as an absolute path.  0 or -errno. */
static int join(const struct walk *w, const char *name, char path[PATH_MAX])
{
    bool root = strcmp(w->path, "/") == 0;
    int n = snprintf(path, PATH_MAX, "%s/%s", root ? "" : w->path, name);
    return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* What the link says is walked next.  It was opened, so it cannot become another one. */
static int follow(struct walk *w, int link)
{
    char target[PATH_MAX], rest[PATH_MAX];
    ssize_t n = readlinkat(link, "", target, sizeof target - 1);
    if (n < 0)
        return -errno;
    target[n] = '\0';
    if (n == 0 || ++w->links > LINKS_MOST)
        return n == 0 ? -ENOENT : -ELOOP;
    if (snprintf(rest, sizeof rest, "%s%s", target, w->rest) >= (int)sizeof rest)
        return -ENAMETOOLONG;
    strcpy(w->rest, rest);
    return target[0] == '/' ? go_to_root(w) : 0;
}

/* The end: the folder where we are, under the name "." */
static int arrive_here(struct walk *w, struct place *place)
{
    place->object = fcntl(w->at, F_DUPFD_CLOEXEC, 3);
    strcpy(place->name, ".");
    strcpy(place->path, w->path);
    return place->object >= 0 ? 0 : -errno;
}

/* The end: a name in the folder where we are, and the object that it is, or -1. */
static int arrive(struct walk *w, int object, struct place *place)
{
    place->object = object;
    snprintf(place->name, sizeof place->name, "%s", w->name);
    int error = path_of(w->at, w->path); /* now, with all steps made */
    return error != 0 ? error : join(w, w->name, place->path);
}

enum step { ON = 1, ARRIVED = 2 }; /* or -errno */

/*
 * /proc leads to the memory of processes, ours and those of whoever started us: whatever --allow says, no job goes
 * in there.  It needs nothing there: what it calls /proc is that of the machine where it runs.
 */
static bool is_proc(int folder)
{
    struct statfs fs;
    return fstatfs(folder, &fs) != 0 || fs.f_type == PROC_SUPER_MAGIC;
}

/* One step to w->name, which is neither "." nor "..". */
static int step(struct walk *w, bool follow_last, struct place *place)
{
    char path[PATH_MAX];
    struct stat st;
    int error = join(w, w->name, path);
    if (error != 0)
        return error;
    if (is_proc(w->at) || !allow_look(path)) {
        refused(path);
        return -EACCES;
    }
    int fd = openat(w->at, w->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        error = -errno;
        return error == -ENOENT && w->is_last ? (error = arrive(w, -1, place)) != 0 ? error : ARRIVED : error;
    }
    if (S_ISLNK(st.st_mode) && (!w->is_last || follow_last)) {
        error = follow(w, fd);
        close(fd);
        return error != 0 ? error : ON;
    }
    if (w->is_last) {
        error = w->has_slash && follow_last && !S_ISDIR(st.st_mode) ? -ENOTDIR : arrive(w, fd, place);
        return error != 0 ? close(fd), error : ARRIVED;
    }
    if (!S_ISDIR(st.st_mode))
        return close(fd), -ENOTDIR;
    return (error = go_to(w, fd)) != 0 ? error : ON;
}

/* ".." is the kernel's: wherever this folder is now. */
static int step_up(struct walk *w)
{
    int error = go_to(w, openat(w->at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (error == 0 && !allow_look(w->path)) {
        refused(w->path);
        error = -EACCES;
    }
    return error;
}

static int walk(struct walk *w, bool follow_last, struct place *place)
{
    for (;;) {
        int result = next_name(w);
        if (result == 0)
            return arrive_here(w, place);
        if (result < 0)
            return result;
        if (strcmp(w->name, ".") == 0)
            result = ON;
        else if (strcmp(w->name, "..") == 0)
            result = step_up(w);
        else
            result = step(w, follow_last, place);
        if (result < 0)
            return result;
        if (result == ARRIVED)
            return 0;
    }
}

int path_walk(int directory, const char *path, bool follow_last, struct place *place)
{
    struct walk w = {.at = -1};
    *place = (struct place){.directory = -1, .object = -1, .job_fd = -1};
    if (strlen(path) >= sizeof w.rest)
        return -ENAMETOOLONG;
    if (*path == '\0')
        return -ENOENT;
    strcpy(w.rest, path);
    int error = *path == '/' ? go_to_root(&w) : go_to(&w, openat(directory, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (error == 0)
        error = walk(&w, follow_last, place);
    if (error == 0)
        place->directory = w.at;
    else if (w.at >= 0)
        close(w.at);
    return error;
}
