//@ step 3.7
    const long arguments[] = {(long)from, (long)size, (long)size, MREMAP_FIXED | MREMAP_MAYMOVE, (long)to};
    const long *a = arguments;
    long now = arch_syscall(SYS_mremap, a[0], a[1], a[2], a[3], a[4], 0);
    return now == a[4] ? 0 : now;
//@ end
