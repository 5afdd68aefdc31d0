//@ step 3.6
    uint64_t *p = &t->tls;
    *p++ = arch_get_tls();
    *p++ = arch_get_gs();
    if (sys_failed(sys_call(SYS_prctl, PR_GET_TID_ADDRESS, (long)p, 0, 0)))
        *p = 0;
    p++;
    if (sys_failed(sys_call(SYS_get_robust_list, 0, (long)p, (long)(p + 1), 0)))
        p[0] = p[1] = 0;
    t->rseq_address = request->rseq_address, t->rseq_size = request->rseq_size;
//@ end
//@ step 3.6
    long e;
    if ((e = arch_set_tls(t->tls)) < 0)
        goto out;
    if (t->gs && (e = arch_set_gs(t->gs)) < 0)
        goto out;
    if (t->tid_address)
        restore_tid(t);
    if (t->robust_list && (e = sys_call(SYS_set_robust_list, (long)t->robust_list, (long)t->robust_size, 0, 0)) < 0)
        goto out;
    if (t->rseq_address)
        e = sys_call(SYS_rseq, (long)t->rseq_address, t->rseq_size, 0, ARCH_RSEQ_SIGNATURE);
out:
    return e;
//@ end
