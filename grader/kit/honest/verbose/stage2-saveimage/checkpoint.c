//@ replace
static int write_and_rename(struct arena *arena, const char *path)
{
//@ with
/* Opens a new file that nobody but us can read. */
static long my_create_private_file(const char *name)
{
    /* An old file of this name would keep its old mode, so it goes first. Most times there is none. */
    sys_call(SYS_unlink, (long)name, 0, 0, 0);
    return sys_open(name, O_WRONLY | O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC, 0600);
}

/* Writes the image into the file, waits until it is really on the disk, and closes it. */
static long my_fill_file_and_close_it(struct arena *arena, int file)
{
    long error_of_write = image_write(file, arena);
    long error_of_sync = 0;
    long error_of_close;
    if (error_of_write == 0) {
        error_of_sync = sys_call(SYS_fdatasync, file, 0, 0, 0);
    }
    if (error_of_sync == -EINVAL) {
        error_of_sync = 0; /* some file systems cannot do that */
    }
    error_of_close = sys_close(file);
    if (error_of_write != 0) {
        return error_of_write;
    }
    if (error_of_sync != 0) {
        return error_of_sync;
    }
    return error_of_close;
}

/* Removes the file that is not whole, and says why it is not. Returns the error. */
static int my_give_up(const char *temporary_file, const char *path, long error)
{
    const char *reason = strerrordesc_np((int)-error);
    sys_call(SYS_unlink, (long)temporary_file, 0, 0, 0);
    if (error == -EFBIG) {
        forget_sigxfsz();
    }
    return refuse(path, reason, (int)error);
}

static int write_and_rename(struct arena *arena, const char *path)
{
//@ end
//@ step 2.3
    long file = my_create_private_file(temporary);
    long error;
    if (file < 0) {
        return refuse(temporary, strerrordesc_np((int)-file), (int)file);
    }
    error = my_fill_file_and_close_it(arena, (int)file);
    if (error != 0) {
        return my_give_up(temporary, path, error);
    }
    error = sys_call(SYS_renameat, AT_FDCWD, (long)temporary, AT_FDCWD, (long)path);
    if (error != 0) {
        return my_give_up(temporary, path, error);
    }
    return 0;
//@ end
//@ step 2.9
    uint64_t number_of_threads = procfile_stat(20);
    if (number_of_threads == 0) {
        return refuse("/proc/self/stat", "the number of threads is not known", -EIO);
    }
    if (number_of_threads >= 2) {
        struct number text = text_number(number_of_threads, 10);
        say("libckpt: this program has ", text.digits, " threads", NULL);
        return refuse("too many threads", "it may have only one", -ENOTSUP);
    }
    return 0;
//@ end
