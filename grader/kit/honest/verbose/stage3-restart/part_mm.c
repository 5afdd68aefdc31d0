//@ step 3.8
    long end_of_heap = sys_call(SYS_brk, 0, 0, 0, 0);
    memset(&mm->map, 0, sizeof(mm->map));
    /* the program */
    mm->map.start_code = procfile_stat(26);
    mm->map.end_code = procfile_stat(27);
    mm->map.start_data = procfile_stat(45);
    mm->map.end_data = procfile_stat(46);
    /* the heap */
    mm->map.start_brk = procfile_stat(47);
    mm->map.brk = (uint64_t)end_of_heap;
    /* the stack */
    mm->map.start_stack = procfile_stat(28);
    mm->map.arg_start = procfile_stat(48);
    mm->map.arg_end = procfile_stat(49);
    mm->map.env_start = procfile_stat(50);
    mm->map.env_end = procfile_stat(51);
//@ end
//@ step 3.8
    struct prctl_mm_map new_map = mm->map;
    const __u32 no_file = (__u32)-1;
    long error;
    new_map.exe_fd = no_file;
    new_map.auxv = (__u64 *)&mm->auxv[0];
    error = arch_syscall(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, (long)&new_map, (long)sizeof(new_map), 0, 0);
    if (error != 0) {
        struct number number_of_error = text_number((uint64_t)-error, 10);
        say("restart: warning: the layout of memory is not restored, error ", number_of_error.digits, NULL);
    }
//@ end
