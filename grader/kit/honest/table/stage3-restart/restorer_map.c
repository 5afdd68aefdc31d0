//@ step 3.3
    bool of_file = region->flags & REGION_FILE;
    long file = of_file ? sys_open(name, O_RDONLY, 0) : -1;
    if (of_file && file < 0)
        return file;
    off_t where = of_file ? (off_t)region->offset : 0;
    long got = sys_mmap(region->start, region->end - region->start, prot, region_flags(region), (int)file, where);
    if (of_file)
        sys_close((int)file);
    return got == (long)region->start ? 0 : got;
//@ end
//@ step 3.4
    if (size == 0)
        return 0;
    long n = sys_pread(image, (void *)to, size, (off_t)offset);
    if (n == -EINTR)
        n = 0;
    else if (n <= 0)
        return n < 0 ? n : -EIO;
    return read_all(image, to + (uint64_t)n, size - (uint64_t)n, offset + (uint64_t)n); /* the rest likewise */
//@ end
