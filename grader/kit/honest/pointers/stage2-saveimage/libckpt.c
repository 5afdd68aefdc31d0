//@ step 2.2
    volatile sig_atomic_t *second = &is_restart;
    if (getcontext(&context) == -1)
        return;
    if (*second)
        goto reborn;
    *second = 1;
    last_result = take_checkpoint();
    *second = 0;
    return;
reborn:
    *second = 0;
    begin_second_life();
    last_result = 1;
//@ end
//@ step 2.1
    struct sigaction *act = &(struct sigaction){.sa_flags = SA_RESTART};
    sigset_t *set = &(sigset_t){0};
    act->sa_handler = on_checkpoint_signal;
    if (sigfillset(&act->sa_mask) || sigaction(request.signal, act, NULL))
        goto fail;
    if (sigemptyset(set) || sigaddset(set, request.signal) || sigprocmask(SIG_UNBLOCK, set, NULL))
        goto fail;
    return;
fail:
    say("libckpt: cannot handle signal ", text_number((uint64_t)request.signal, 10).digits, NULL);
//@ end
