//@ step 3.7
    const long flags = MREMAP_MAYMOVE | MREMAP_FIXED;
    const long old_size = (long)size;
    const long new_size = (long)size;
    long new_address = arch_syscall(SYS_mremap, (long)from, old_size, new_size, flags, (long)to, 0);
    if (sys_failed(new_address)) {
        return new_address;
    }
    if ((uint64_t)new_address != to) {
        return -EFAULT;
    }
    return 0;
//@ end
