/*
 * shadow_keep.c - --keep-image: the image of a job that has left lies in a file, too, for whoever wants to look at
 * it.
 *
 * It is written beside FILE and then renamed, so FILE is whole, or what it was before.  If that fails, the job goes
 * on all the same.
 */
#include "image_stream.h"
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

static int write_and_rename(void)
{
    int to = open(keep_aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return -errno;
    int error = image_copy(to, shadow.image);
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
