//@ step 2.2
    int error = getcontext(&context);
    if (error != 0) {
        say("libckpt: getcontext failed", NULL);
        last_result = -1;
        return;
    }

    /* This place is reached two times: once now, and once more after each restart. */
    bool this_is_the_first_life = (is_restart == 0);
    if (this_is_the_first_life) {
        int result;
        is_restart = 1; /* for the copy of this variable that goes into the image */
        result = take_checkpoint();
        is_restart = 0;
        last_result = result;
    }
    bool this_is_the_second_life = !this_is_the_first_life;
    if (this_is_the_second_life) {
        begin_second_life();
        is_restart = 0;
        last_result = 1;
    }
//@ end
//@ replace
/* All signals are blocked while the handler runs: the image must show one moment. */
//@ with
/* Lets the signal come through. Until now it was waiting. */
static void my_unblock_signal(int signal_number)
{
    sigset_t only_this_signal;
    int error;
    sigemptyset(&only_this_signal);
    sigaddset(&only_this_signal, signal_number);
    error = sigprocmask(SIG_UNBLOCK, &only_this_signal, NULL);
    if (error != 0) {
        say("libckpt: the checkpoint signal cannot be unblocked", NULL);
    }
}

/* All signals are blocked while the handler runs: the image must show one moment. */
//@ end
//@ step 2.1
    struct sigaction new_action;
    sigset_t all_signals;
    int error;
    sigfillset(&all_signals);
    memset(&new_action, 0, sizeof(new_action));
    new_action.sa_handler = on_checkpoint_signal;
    new_action.sa_mask = all_signals;
    new_action.sa_flags = SA_RESTART;
    error = sigaction(request.signal, &new_action, NULL);
    if (error != 0) {
        say("libckpt: there can be no handler for the checkpoint signal", NULL);
        return;
    }
    my_unblock_signal(request.signal);
//@ end
