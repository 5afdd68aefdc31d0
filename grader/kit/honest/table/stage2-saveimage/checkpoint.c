//@ step 2.3
    enum { OPEN, WRITE, CLOSE, RENAME, DONE } next;
    long fd = -1, result = 0;
    for (next = OPEN; next != DONE && result >= 0; next++) {
        switch (next) {
        case OPEN: result = fd = sys_open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600); break;
        case WRITE: result = image_write((int)fd, arena); break;
        case CLOSE: result = sys_close((int)fd); break;
        case RENAME: result = sys_call(SYS_rename, (long)temporary, (long)path, 0, 0); break;
        case DONE: break;
        }
    }
    if (result >= 0)
        return 0;
    if (next == WRITE + 1) /* the loop has counted on: it was WRITE that failed, and the file is open */
        sys_close((int)fd);
    if (next > OPEN + 1)
        sys_call(SYS_unlink, (long)temporary, 0, 0, 0);
    if (result == -EFBIG)
        forget_sigxfsz();
    return refuse(path, strerrordesc_np((int)-result), (int)result);
//@ end
//@ step 2.9
    uint64_t threads = procfile_stat(20);
    return threads < 2 ? 0 : refuse("several threads", "only one thread can be saved", -ENOTSUP);
//@ end
