//@ step 2.8
    uint64_t at = from, end = from + size;
    while (at != end) {
        long n = sys_pwrite(fd, (const void *)at, end - at, (off_t)(offset + (at - from)));
        switch (n) {
        case -EINTR: continue;
        case -EFAULT: at = round_up(at + 1, ARCH_PAGE_SIZE); continue;
        case 0: return -EIO;
        default: break;
        }
        if (n < 0)
            return (int)n;
        at += (uint64_t)n;
    }
    return 0;
//@ end
