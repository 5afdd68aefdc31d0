//@ step 3.7
    const uint64_t page = ARCH_PAGE_SIZE;
    long at = -EINVAL;
    if (from % page || to % page)
        goto out;
    at = arch_syscall(SYS_mremap, (long)from, (long)size, (long)size, MREMAP_MAYMOVE | MREMAP_FIXED, (long)to, 0);
out:
    return sys_failed(at) ? at : 0;
//@ end
