/* since.c - what is noted since the job's last image: descriptors, files, and what cannot be taken back. */
#include "since.h"
#include "libc.h"
#include "shadow.h"
#include "text.h"

struct since since = {.folder = -1};

const char *since_name(int fd)
{
    static const char *const streams[] = {"standard input, ", "standard output, ", "standard error, "};
    static char path[PATH_MAX];
    struct stat st;
    if (path_of(fd, path) == 0)
        return path;
    const char *kind = fstat(fd, &st) != 0 ? "a file" : S_ISFIFO(st.st_mode) ? "a pipe" : "a file without a name";
    text_join(path, sizeof path, fd <= STDERR_FILENO ? streams[fd] : "", kind, NULL);
    return path;
}

void since_cannot(const char *format, ...)
{
    char *text;
    va_list list;
    va_start(list, format);
    int length = vasprintf(&text, format, list);
    va_end(list);
    if (length < 0)
        err(EX_OSERR, "it cannot be noted what the job changes");
    for (size_t i = 0; i < since.cannot_count && length >= 0; i++)
        if (strcmp(since.cannot[i], text) == 0)
            length = -1;
    if (length < 0 || since.cannot_count == CANNOT_MOST)
        free(text);
    else
        since.cannot[since.cannot_count++] = text;
}

bool since_is_file(int fd, dev_t device, ino_t inode)
{
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

bool since_has_messages(int fd)
{
    struct stat messages;
    return fstat(shadow.messages, &messages) == 0 && since_is_file(fd, messages.st_dev, messages.st_ino);
}

/* The size at the image, of a file that was open then. */
static off_t size_then(const struct stat *st)
{
    for (int fd = 0; fd < JOB_FILES; fd++)
        if (since.then[fd].open && since.then[fd].size >= 0 && since_is_file(fd, st->st_dev, st->st_ino))
            return since.then[fd].size;
    return st->st_size;
}

static struct changed_file *add_file(const struct stat *st, const char *path)
{
    struct changed_file *files = realloc(since.files, (since.file_count + 1) * sizeof *files);
    char *copy = strdup(path);
    if (files == NULL || copy == NULL)
        err(EX_OSERR, "it cannot be noted what the job changes");
    since.files = files;
    struct changed_file *file = &files[since.file_count++];
    *file = (struct changed_file){st->st_dev, st->st_ino, copy, size_then(st), 0, false, false};
    file->ours = file->then;
    return file;
}

struct changed_file *since_file(int fd)
{
    struct stat st;
    if (since.file_of[fd] != 0)
        return &since.files[since.file_of[fd] - 1];
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return NULL;
    struct changed_file *found = NULL;
    for (size_t i = 0; i < since.file_count && found == NULL; i++)
        if (since.files[i].device == st.st_dev && since.files[i].inode == st.st_ino)
            found = &since.files[i];
    if (found == NULL)
        found = add_file(&st, since_name(fd));
    since.file_of[fd] = (int)(found - since.files) + 1;
    return found;
}

void since_settle(struct changed_file *file, const char *how)
{
    if (!file->settled)
        since_cannot("%s: %s", how, file->path);
    file->settled = true;
}

static void note_descriptor(int fd)
{
    struct stat st;
    bool regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    int flags = fcntl(fd, F_GETFL);
    bool seekable = regular || S_ISDIR(st.st_mode);
    since.then[fd] = (struct descriptor_then){
        .open = true,
        .flags = flags,
        .offset = seekable && !(flags & O_PATH) ? lseek(fd, 0, SEEK_CUR) : -1,
        .size = regular ? st.st_size : -1,
    };
}

/* Closing a descriptor drops all locks of ours on its file (fcntl_locking(2)), also those by another descriptor. */
static bool is_open_otherwise(int parked)
{
    struct stat ours;
    if (fstat(parked, &ours) != 0)
        return false;
    for (int fd = 0; fd < JOB_FILES; fd++)
        if (job_has(fd) && since_is_file(fd, ours.st_dev, ours.st_ino))
            return true;
    return false;
}

static void forget(void)
{
    for (size_t i = 0; i < since.file_count; i++)
        free(since.files[i].path);
    for (size_t i = 0; i < since.cannot_count; i++)
        free(since.cannot[i]);
    since.file_count = since.cannot_count = 0;
    memset(since.file_of, 0, sizeof since.file_of);
    if (since.folder >= 0)
        close(since.folder);
}

void since_image(void)
{
    forget();
    since.noting = true;
    for (int fd = 0; fd < JOB_FILES; fd++) {
        bool parked = since.then[fd].parked;
        if (parked && !is_open_otherwise(fd)) {
            close(fd);
            parked = false;
        }
        since.then[fd] = (struct descriptor_then){.parked = parked};
        if (job_has(fd))
            note_descriptor(fd);
    }
    since.folder = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    since.umask = umask(0);
    umask(since.umask);
}

/* A file or folder that can wait, open, until we know that it is not needed again.  What else holds it open? */
bool since_parks(int fd)
{
    struct stat st;
    struct flock all = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    struct descriptor_then *then = &since.then[fd];
    if (!since.noting || !then->open || then->parked)
        return false;
    if (fd > STDERR_FILENO && !since.locks && fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))) {
        fcntl(fd, F_SETLK, &all);
        return then->parked = true;
    }
    since_cannot("closed: %s", since_name(fd));
    then->lost = true;
    return false;
}

void since_closed(int fd)
{
    since.file_of[fd] = 0;
}

/* A new file, also if another one of this number was made and removed before. */
static void note_new(struct changed_file *file, const char *path)
{
    char *copy = strdup(path);
    if (copy == NULL)
        err(EX_OSERR, "it cannot be noted what the job changes");
    free(file->path);
    *file = (struct changed_file){.device = file->device, .inode = file->inode, .path = copy, .made = true};
}

void since_opened(int fd, const struct place *place, const struct stat *before, int flags)
{
    since.file_of[fd] = 0;
    if (!since.noting || (flags & O_PATH))
        return;
    if ((flags & O_ACCMODE) == O_RDONLY && !(flags & (O_CREAT | O_TRUNC)))
        return;
    size_t known = since.file_count;
    struct changed_file *file = since_file(fd);
    if (file == NULL)
        return;
    if (since.file_count > known && (flags & O_TRUNC)) /* what fstat(2) says now is too late */
        file->then = before->st_size;
    if ((flags & O_TMPFILE) == O_TMPFILE)
        file->made = file->settled = true; /* it ends with its last descriptor */
    else if (before->st_mode == 0)
        note_new(file, place->path);
    else if (flags & O_TRUNC) {
        file->ours = 0;
        if (file->then > 0)
            since_settle(file, "emptied");
    }
}
