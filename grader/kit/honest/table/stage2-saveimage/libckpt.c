//@ step 2.2
    getcontext(&context);
    switch (is_restart) {
    case 0: /* the first life makes the image, in which the other number stands */
        is_restart = 1;
        last_result = take_checkpoint();
        break;
    default: /* here the process is another one */
        begin_second_life();
        last_result = 1;
    }
    is_restart = 0;
//@ end
//@ step 2.1
    struct sigaction ours;
    sigset_t blocked;
    memset(&ours, 0, sizeof ours);
    ours.sa_handler = &on_checkpoint_signal;
    ours.sa_flags |= SA_RESTART;
    sigfillset(&ours.sa_mask);
    if (sigaction(request.signal, &ours, NULL) != 0 || sigprocmask(SIG_BLOCK, NULL, &blocked) != 0)
        return;
    sigdelset(&blocked, request.signal);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
//@ end
