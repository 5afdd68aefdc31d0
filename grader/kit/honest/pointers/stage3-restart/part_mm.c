//@ step 3.8
    /* The kernel's struct has them in this order, but for brk, which lies behind start_brk. */
    __u64 *p = &mm->map.start_code;
    *p++ = procfile_stat(26);
    *p++ = procfile_stat(27);
    *p++ = procfile_stat(45);
    *p++ = procfile_stat(46);
    *p++ = procfile_stat(47);
    *p++ = (__u64)sys_call(SYS_brk, 0, 0, 0, 0);
    *p++ = procfile_stat(28);
    for (int field = 48; field <= 51; field++)
        *p++ = procfile_stat(field);
//@ end
//@ step 3.8
    struct prctl_mm_map copy, *p = &copy;
    memcpy(p, &mm->map, sizeof *p);
    p->auxv = (__u64 *)(void *)mm->auxv;
    p->exe_fd = -1U;
    long e = arch_syscall(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, (long)p, sizeof *p, 0, 0);
    if (e < 0)
        say("restart: PR_SET_MM_MAP: error ", text_number((uint64_t)-e, 10).digits, "; ps will be wrong", NULL);
//@ end
