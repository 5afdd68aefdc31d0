//@ step 1.1
    char *free = r->buf + (r->end - r->begin), *const stop = r->buf + r->size;
    long n;
    memmove(r->buf, r->buf + r->begin, (size_t)(free - r->buf));
    r->begin = 0;
    if (free == stop) {
        n = -ENAMETOOLONG;
        goto out;
    }
again:
    if ((n = sys_read(r->fd, free, (size_t)(stop - free))) == -EINTR)
        goto again;
    if (n == 0)
        r->end_of_file = true;
    if (n > 0)
        free += n, n = 0;
out:
    r->end = (size_t)(free - r->buf);
    return (int)n;
//@ end
//@ step 1.2
    const char *p = *at;
    unsigned __int128 wide = 0;
    unsigned d;
    while ((d = digit_value(*p)) < base) {
        wide = wide * base + d;
        if (wide > UINT64_MAX)
            return false;
        p++;
    }
    if (p == *at || *p++ != follow)
        return false;
    *value = (uint64_t)wide;
    *at = p;
    return true;
//@ end
//@ step 1.3
    const char *p = *at;
    int prot = 0;
    if (*p == 'r')
        prot |= PROT_READ;
    else if (*p != '-')
        goto bad;
    if (*++p == 'w')
        prot |= PROT_WRITE;
    else if (*p != '-')
        goto bad;
    if (*++p == 'x')
        prot |= PROT_EXEC;
    else if (*p != '-')
        goto bad;
    if (*++p == 's')
        region->shared = true;
    else if (*p == 'p')
        region->shared = false;
    else
        goto bad;
    if (*++p != ' ')
        goto bad;
    region->prot = prot;
    *at = ++p;
    return true;
bad:
    return false;
//@ end
//@ step 1.4
    char *p = name, *tail;
    while ((p = strstr(p, "\\012")) != NULL) {
        *p++ = '\n';
        tail = p + 3;
        memmove(p, tail, strlen(tail) + 1);
    }
//@ end
