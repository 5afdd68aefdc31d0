//@ step 3.7
    long now = arch_syscall(SYS_mremap, (long)from, (long)size, (long)size, MREMAP_FIXED | MREMAP_MAYMOVE, (long)to, 0);
    return now == (long)to ? 0 : now;
//@ end
