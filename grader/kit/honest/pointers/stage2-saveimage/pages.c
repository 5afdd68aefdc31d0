//@ step 2.8
    const char *p = (const char *)from, *const end = p + size;
    off_t to = (off_t)offset;
    long n;
again:
    if (p >= end)
        return 0;
    n = sys_pwrite(fd, p, (size_t)(end - p), to);
    if (n == -EINTR)
        goto again;
    if (n == -EFAULT) /* to the end of this page */
        n = (long)(ARCH_PAGE_SIZE - ((uint64_t)p & (ARCH_PAGE_SIZE - 1)));
    if (n <= 0)
        return n != 0 ? (int)n : -EIO;
    p += n, to += n;
    goto again;
//@ end
