/*
 * since_back.c - the way back to the job's last image.  All is looked at before anything is changed.
 *
 * Files are cut by truncate(2) and an O_PATH descriptor: one that was opened would drop the job's locks when it is
 * closed (fcntl_locking(2)).
 */
#include "since.h"
#include "libc.h"
#include "shadow.h"

#define SHOWN 20 /* lines of the list */

static bool is_still(int fd, const struct changed_file *file)
{
    struct stat st;
    return fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == file->device && st.st_ino == file->inode &&
           st.st_size == file->ours;
}

/*
 * The file, O_PATH, if it is still the same, where it was or by a descriptor (it has no name any more), and nobody
 * but the job has written to it; or -1.
 */
static int open_again(const struct changed_file *file)
{
    char name[FD_NAME_ROOM];
    int fd = open(file->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (is_still(fd, file))
        return fd;
    if (fd >= 0)
        close(fd);
    for (int number = 0; number < JOB_FILES; number++) {
        if (since.file_of[number] != (int)(file - since.files) + 1)
            continue;
        fd = open(fd_name(number, name), O_PATH | O_CLOEXEC);
        if (is_still(fd, file))
            return fd;
        if (fd >= 0)
            close(fd);
    }
    return -1;
}

static bool has_grown(const struct changed_file *file)
{
    return !file->settled && (file->made || file->ours != file->then);
}

/* Somebody else may have changed them, too: a log that others append to. */
static void look_at_files(void)
{
    for (size_t i = 0; i < since.file_count; i++) {
        if (!has_grown(&since.files[i]))
            continue;
        int fd = open_again(&since.files[i]);
        if (fd < 0)
            since_settle(&since.files[i], "changed by somebody else as well");
        else
            close(fd);
    }
}

static void list(void)
{
    for (size_t i = 0; i < since.cannot_count && i < SHOWN; i++)
        shadow_pass_on(since.cannot[i], strlen(since.cannot[i]));
    if (since.cannot_count > SHOWN)
        shadow_say("and %zu more", since.cannot_count - SHOWN);
}

static bool take_back(const struct changed_file *file)
{
    char name[FD_NAME_ROOM];
    int fd = open_again(file);
    if (fd < 0)
        return false;
    bool done = file->made ? unlink(file->path) == 0 : truncate(fd_name(fd, name), file->then) == 0;
    close(fd);
    return done;
}

static void put_back_descriptor(int fd)
{
    struct descriptor_then *then = &since.then[fd];
    if (job_has(fd) && (!then->open || then->lost))
        job_remove(fd);
    if (!then->open || then->lost)
        return;
    if (then->parked)
        job_unpark(fd);
    then->parked = false;
    if (then->offset >= 0 && !since_has_messages(fd))
        lseek(fd, then->offset, SEEK_SET);
    if (!(then->flags & O_PATH) && fcntl(fd, F_GETFL) != then->flags)
        fcntl(fd, F_SETFL, then->flags);
}

bool since_go_back(bool force)
{
    look_at_files();
    if (since.cannot_count > 0) {
        shadow_say(force ? "--force: these stay as they are now, and will be changed again:"
                         : "since the job's last image something has changed that cannot be taken back:");
        list();
        if (!force)
            return false;
    }
    for (size_t i = 0; i < since.file_count; i++) /* by their descriptors, so before those are closed */
        if (has_grown(&since.files[i]) && !take_back(&since.files[i]))
            shadow_say("%s is not as it was: %s", since.files[i].path, strerror(errno));
    for (int fd = 0; fd < JOB_FILES; fd++)
        put_back_descriptor(fd);
    if (fchdir(since.folder) != 0)
        shadow_say("the working directory is not what it was: %s", strerror(errno));
    umask(since.umask);
    since_image(); /* and so it can be taken back once more */
    return true;
}
