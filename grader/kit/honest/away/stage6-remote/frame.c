//@ top
static long read_all(int fd, char *to, size_t size, bool first);

/* All of it or -errno: an end in the midst of it is an error, too. */
static int must_come(int fd, void *to, size_t size)
{
    long came = read_all(fd, to, size, false);
    if (came >= 0 && came != (long)size)
        came = -EPIPE;
    return came < 0 ? (int)came : 0;
}
//@ end
//@ step 6.2
    /* The first byte decides: if it comes there is a frame, and then all of it has to come. */
    char *head = (char *)frame;
    int result = (int)read_all(fd, head, 1, true);
    if (result == 1) {
        int error = must_come(fd, head + 1, sizeof *frame - 1);
        if (!error && frame_problem(frame))
            error = -EPROTO;
        if (!error && frame->size != 0)
            error = must_come(fd, data, frame->size);
        if (error)
            result = error;
    }
    return result;
//@ end
