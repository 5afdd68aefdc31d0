/*
 * shadow_keep.c - --keep-image: the image of a job that has left lies in a file, too, for whoever wants to look at
 * it.
 *
 * It is written beside FILE and then renamed, so FILE is whole, or what it was before.  If that fails, the job goes
 * on all the same.
 */
#include "shadow.h"
#include "libc.h"

static char *keep_file, *keep_aside; /* absolute: the job has a working directory of its own, and it is ours */

void keep_image_in(const char *file)
{
    char *folder = getcwd(NULL, 0);
    if (folder == NULL)
        err(EX_OSERR, "--keep-image %s", file);
    bool absolute = *file == '/';
    if (asprintf(&keep_file, "%s%s%s", absolute ? "" : folder, absolute ? "" : "/", file) < 0 ||
        asprintf(&keep_aside, "%s.tmp.%d", keep_file, (int)getpid()) < 0)
        err(EX_OSERR, "--keep-image %s", file);
    free(folder);
}

/* The bytes from `start` to `end`.  0 or -errno. */
static int copy_data(int to, off_t start, off_t end)
{
    while (start < end) {
        size_t size = (size_t)(end - start) < FRAME_MAX ? (size_t)(end - start) : FRAME_MAX;
        ssize_t n = pread(shadow.image, shadow.data, size, start);
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        ssize_t written = pwrite(to, shadow.data, (size_t)n, start);
        if (written <= 0)
            return written < 0 ? -errno : -EIO;
        start += written;
    }
    return 0;
}

/* The image without its holes. */
static int copy_image(int to)
{
    off_t size = lseek(shadow.image, 0, SEEK_END), data = 0;
    int error = ftruncate(to, size) != 0 ? -errno : 0;
    while (error == 0 && (data = lseek(shadow.image, data, SEEK_DATA)) >= 0) {
        off_t hole = lseek(shadow.image, data, SEEK_HOLE);
        error = hole < 0 ? -errno : copy_data(to, data, hole);
        data = hole;
    }
    return error;
}

static int write_and_rename(void)
{
    int to = open(keep_aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return -errno;
    int error = copy_image(to);
    if (close(to) != 0 && error == 0)
        error = -errno;
    if (error == 0 && rename(keep_aside, keep_file) != 0)
        error = -errno;
    if (error != 0)
        unlink(keep_aside);
    return error;
}

void keep_image_now(void)
{
    if (keep_file == NULL)
        return;
    int error = write_and_rename();
    if (error != 0)
        shadow_say("the job's image is not kept in %s: %s", keep_file, strerror(-error));
    else if (shadow.verbose)
        shadow_say("the job's image is kept in %s", keep_file);
}
