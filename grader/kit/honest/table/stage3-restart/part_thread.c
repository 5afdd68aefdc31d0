//@ step 3.6
    const struct {
        long number, a, b, c;
    } questions[] = {
        {SYS_arch_prctl, ARCH_GET_FS, (long)&t->tls, 0},
        {SYS_arch_prctl, ARCH_GET_GS, (long)&t->gs, 0},
        {SYS_prctl, PR_GET_TID_ADDRESS, (long)&t->tid_address, 0},
        {SYS_get_robust_list, 0, (long)&t->robust_list, (long)&t->robust_size},
    };
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) /* no answer: the note's zero stays */
        sys_call(questions[i].number, questions[i].a, questions[i].b, questions[i].c, 0);
    t->rseq_size = request->rseq_size;
    t->rseq_address = request->rseq_address;
//@ end
//@ step 3.6
    const struct {
        bool wanted;
        long number, a, b, c, d;
    } orders[] = {
        {true, SYS_arch_prctl, ARCH_SET_FS, (long)t->tls, 0, 0},
        {t->gs != 0, SYS_arch_prctl, ARCH_SET_GS, (long)t->gs, 0, 0},
        {t->robust_list != 0, SYS_set_robust_list, (long)t->robust_list, (long)t->robust_size, 0, 0},
        {t->rseq_address != 0, SYS_rseq, (long)t->rseq_address, t->rseq_size, 0, ARCH_RSEQ_SIGNATURE},
    };
    long error = 0;
    if (t->tid_address != 0)
        restore_tid(t);
    for (size_t i = 0; i < sizeof orders / sizeof *orders && error == 0; i++)
        if (orders[i].wanted)
            error = sys_call(orders[i].number, orders[i].a, orders[i].b, orders[i].c, orders[i].d);
    return error;
//@ end
