/* serve_paths.c - the paths of a call: where they lead, and whether the call may use that so. */
#include "serve_paths.h"
#include "libc.h"
#include "text.h"

#define OWN "/proc/self/fd/" /* N: the job's own descriptor, as we know it */

const char *fd_name(int fd, char room[FD_NAME_ROOM])
{
    text_join(room, FD_NAME_ROOM, OWN, text_number((uint64_t)fd, 10).digits, NULL);
    return room;
}

/* The number behind OWN, or -1; *rest is what follows it. */
static int own_descriptor(const char *path, const char **rest)
{
    long fd = 0;
    if (!starts_with(path, OWN) || digit_value(path[strlen(OWN)]) > 9)
        return -1;
    for (path += strlen(OWN); digit_value(*path) <= 9 && fd < INT_MAX / 10; path++)
        fd = fd * 10 + (long)digit_value(*path);
    *rest = path;
    return *path == '\0' || *path == '/' ? (int)fd : -1;
}

/* The file that a descriptor has open, as a place. */
static long place_of_descriptor(int fd, bool change, struct place *place)
{
    *place = (struct place){.directory = -1, .object = fd, .job_fd = fd};
    if (path_of(fd, place->path) != 0)
        place->path[0] = '\0'; /* a pipe */
    return !change || job_may_change(fd) ? 0 : -EACCES;
}

static void close_later(struct request *r, int fd)
{
    if (fd >= 0)
        r->opened[r->opened_count++] = fd;
}

/* 0 or -errno. */
static long may_use(const struct place *place, bool change)
{
    if (allow_inside(place->path, change) || (!change && allow_look(place->path)))
        return 0;
    refused(place->path);
    return -EACCES;
}

/* Is it a link itself that is meant at the end? */
static bool follows(const char *path, enum path_use use, int at_flags)
{
    bool folder = *path != '\0' && path[strlen(path) - 1] == '/'; /* lstat("link/") is what it leads to */
    if (use == PATH_CHANGE)
        return false;
    if (use == PATH_ENTRY)
        return folder || (at_flags & AT_SYMLINK_FOLLOW);
    return folder || !(at_flags & AT_SYMLINK_NOFOLLOW);
}

static long find_place(struct request *r, int directory, const char *path, enum path_use use, int at_flags,
                       struct place *place)
{
    bool change = use == PATH_CHANGE || use == PATH_WRITE;
    const char *rest = "";
    int own = own_descriptor(path, &rest);
    if (own >= 0 && !job_has(own))
        return -ENOENT;
    if (own >= 0 && *rest == '\0')
        return place_of_descriptor(own, change, place);
    if (own >= 0) {
        directory = own;
        path = rest + strspn(rest, "/");
        path = *path != '\0' ? path : ".";
    }
    if (r->opened_count + 2 > (int)(sizeof r->opened / sizeof *r->opened))
        return -EINVAL;
    long error = path_walk(directory, path, follows(path, use, at_flags), place);
    if (error != 0)
        return error;
    if (use == PATH_CHANGE && path[strlen(path) - 1] == '/' && strcmp(place->name, ".") != 0)
        strcat(place->name, "/"); /* mkdir("new/"): the kernel says what that means */
    close_later(r, place->directory);
    close_later(r, place->object);
    return may_use(place, change);
}

bool take_place(struct request *r, int i, int directory, enum path_use use, int at_flags, struct place *place)
{
    const char *path = take_text(r, i);
    if (r->error == 0 && path == NULL)
        r->error = -EFAULT;
    if (r->error == 0)
        r->error = find_place(r, directory, path, use, at_flags, place);
    if (r->error == 0 && (use == PATH_CHANGE || use == PATH_WRITE) && r->changes[0] == '\0')
        strcpy(r->changes, place->path);
    return r->error == 0;
}

/* NULL and "" (with AT_EMPTY_PATH): the call is about the descriptor itself. */
static const char *nameless(struct request *r, int directory, enum path_use use, const char *path)
{
    if (use == PATH_CHANGE || (use == PATH_WRITE && directory != AT_FDCWD && !job_may_change(directory)))
        r->error = -EACCES;
    return path;
}

const char *take_path(struct request *r, int i, int directory, enum path_use use, int at_flags)
{
    struct place place;
    const char *path = take_text(r, i);
    if (r->error != 0)
        return NULL;
    if (path == NULL || (*path == '\0' && (at_flags & AT_EMPTY_PATH)))
        return nameless(r, directory, use, path);
    if (!take_place(r, i, directory, use, at_flags, &place))
        return NULL;
    bool entry = place.job_fd < 0 && !follows(path, use, at_flags);
    if (place.object < 0 && use != PATH_CHANGE)
        r->error = -ENOENT;
    char *name = request_memory(r, sizeof OWN + sizeof(struct number) + sizeof place.name);
    if (name != NULL)
        text_join(name, sizeof OWN + sizeof(struct number) + sizeof place.name, OWN,
                  text_number((uint64_t)(entry ? place.directory : place.object), 10).digits, entry ? "/" : NULL,
                  place.name, NULL);
    return name;
}
