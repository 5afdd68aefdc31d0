//@ step 1.5
    const char *name = region->name;
    if (*name++ != '[')
        goto not_the_kernels;
    if (starts_with(name, "vvar") || starts_with(name, "vdso]") || starts_with(name, "vsyscall]"))
        return PLAN_KERNEL;
not_the_kernels:
    if (!region->shared && region->prot == PROT_NONE)
        return PLAN_GUARD;
    /* From here on it matters only whether the bytes can be had from a file again. */
    if (region_has_file(region) && !region_is_deleted(region) && (region->prot & PROT_WRITE) == 0)
        return PLAN_FILE;
    return region->shared ? PLAN_REFUSE : PLAN_SAVE;
//@ end
