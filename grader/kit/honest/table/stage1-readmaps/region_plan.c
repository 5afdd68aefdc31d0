//@ step 1.5
    /* Four questions, answered by a bit each, make the index of the row. */
    enum { THERE = 1, ACCESS = 2, WRITABLE = 4, SHARED = 8 };
    static const unsigned char plans[16] = {
        [0] = PLAN_GUARD,                                   [THERE] = PLAN_GUARD,
        [ACCESS] = PLAN_SAVE,                               [ACCESS | THERE] = PLAN_FILE,
        [WRITABLE] = PLAN_SAVE,                             [WRITABLE | THERE] = PLAN_SAVE,
        [WRITABLE | ACCESS] = PLAN_SAVE,                    [WRITABLE | ACCESS | THERE] = PLAN_SAVE,
        [SHARED] = PLAN_REFUSE,                             [SHARED | THERE] = PLAN_FILE,
        [SHARED | ACCESS] = PLAN_REFUSE,                    [SHARED | ACCESS | THERE] = PLAN_FILE,
        [SHARED | WRITABLE] = PLAN_REFUSE,                  [SHARED | WRITABLE | THERE] = PLAN_REFUSE,
        [SHARED | WRITABLE | ACCESS] = PLAN_REFUSE,         [SHARED | WRITABLE | ACCESS | THERE] = PLAN_REFUSE,
    };
    static const char kernel[][16] = {"[vvar", "[vdso]", "[vsyscall]"};
    unsigned row = 0;
    for (size_t i = 0; i < sizeof kernel / sizeof *kernel; i++)
        if (starts_with(region->name, kernel[i]))
            return PLAN_KERNEL;
    row |= region_has_file(region) && !region_is_deleted(region) ? THERE : 0;
    row |= region->prot != PROT_NONE ? ACCESS : 0;
    row |= region->prot & PROT_WRITE ? WRITABLE : 0;
    row |= region->shared ? SHARED : 0;
    return (enum region_plan)plans[row];
//@ end
