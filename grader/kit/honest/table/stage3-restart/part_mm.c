//@ step 3.8
    static const struct {
        int field;
        size_t at;
    } layout[] = {
        {26, offsetof(struct prctl_mm_map, start_code)}, {27, offsetof(struct prctl_mm_map, end_code)},
        {45, offsetof(struct prctl_mm_map, start_data)}, {46, offsetof(struct prctl_mm_map, end_data)},
        {47, offsetof(struct prctl_mm_map, start_brk)}, {28, offsetof(struct prctl_mm_map, start_stack)},
        {48, offsetof(struct prctl_mm_map, arg_start)}, {49, offsetof(struct prctl_mm_map, arg_end)},
        {50, offsetof(struct prctl_mm_map, env_start)}, {51, offsetof(struct prctl_mm_map, env_end)},
    };
    for (size_t i = 0; i < sizeof layout / sizeof *layout; i++)
        *(__u64 *)((char *)&mm->map + layout[i].at) = procfile_stat(layout[i].field);
    mm->map.brk = (__u64)sys_call(SYS_brk, 0, 0, 0, 0);
//@ end
//@ step 3.8
    struct image_mm ours = *mm; /* the note is not ours to change */
    ours.map.auxv = (__u64 *)ours.auxv;
    ours.map.exe_fd = ~0U;
    if (arch_syscall(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, (long)&ours.map, sizeof ours.map, 0, 0) != 0)
        say("restart: no heap end, no arguments, no auxv: the kernel refused PR_SET_MM_MAP", NULL);
//@ end
