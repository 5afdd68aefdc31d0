/*
 * keeper_image.c - the image of a job that leaves: from the job's pipe to the shadow, frame by frame.
 *
 *     job --- pipe ---> keeper ---> shadow
 *
 * The head of each frame is looked at here, as everybody does; its bytes are moved by the kernel (splice(2)), which
 * copies nothing if there is a pipe at both ends.
 */
#include "keeper.h"
#include "image_stream.h"

/* From the job: how many there were before the pipe's end. */
static size_t take_bytes(int fd, void *to, size_t size)
{
    size_t done = 0;
    ssize_t n = 1;
    while (done < size && (n > 0 || (n < 0 && errno == EINTR))) {
        n = read(fd, (char *)to + done, size - done);
        done += n > 0 ? (size_t)n : 0;
    }
    return done;
}

/* The bytes of one frame.  Fewer if the job was killed in the midst of it: this image does not get whole. */
static int send_bytes(int fd, uint64_t offset, size_t size)
{
    static char zeros[FRAME_DATA];
    int error = frame_begin_image(STDOUT_FILENO, offset, size);
    long moved = error == 0 ? image_move(STDOUT_FILENO, fd, NULL, size) : error;
    return moved < 0 ? (int)moved : frame_more(STDOUT_FILENO, zeros, size - (size_t)moved);
}

bool pass_image(struct job *job, uint64_t *whole)
{
    struct {
        struct frame frame;
        uint64_t number;
    } head;
    size_t got = take_bytes(job->image, &head, sizeof head);
    if (got == 0) { /* the job has ended */
        close(job->image);
        job->image = -1;
        return false;
    }
    if (got < sizeof head || frame_problem(&head.frame) != NULL ||
        (head.frame.kind != FRAME_IMAGE && head.frame.kind != FRAME_START))
        watch_lost(EX_PROTOCOL, "the job sends what is no frame of an image; it is killed");
    *whole = head.number;
    if (head.frame.kind == FRAME_START)
        return true;
    int error = send_bytes(job->image, head.number, head.frame.size - sizeof head.number);
    if (error != 0)
        watch_lost(EX_TEMPFAIL, "the shadow is gone (%s); its job is killed", strerror(-error));
    watch_sign();
    return false;
}
