//@ replace
static long save(const struct save_request *request, void *note, size_t room)
{
//@ with
/* Returns where the kernel will write 0 when the thread ends, or 0 if the kernel does not tell. */
static uint64_t my_tid_address(void)
{
    uint64_t address = 0;
    long error = sys_call(SYS_prctl, PR_GET_TID_ADDRESS, (long)&address, 0, 0);
    if (error != 0) {
        return 0;
    }
    return address;
}

static long save(const struct save_request *request, void *note, size_t room)
{
//@ end
//@ step 3.6
    uint64_t list = 0;
    uint64_t size_of_list = 0;
    long error = sys_call(SYS_get_robust_list, 0, (long)&list, (long)&size_of_list, 0);
    if (error != 0) {
        list = 0;
        size_of_list = 0;
    }
    t->tls = arch_get_tls();
    t->gs = arch_get_gs();
    t->tid_address = my_tid_address();
    t->robust_list = list;
    t->robust_size = size_of_list;
    t->rseq_address = request->rseq_address;
    t->rseq_size = request->rseq_size;
//@ end
//@ replace
static long restore(const void *note, size_t size)
{
//@ with
/* fs and gs */
static long my_restore_segments(const struct image_thread *t)
{
    long error = arch_set_tls(t->tls);
    if (error != 0) {
        say("restart: the TLS base cannot be set", NULL);
        return error;
    }
    if (t->gs != 0) {
        error = arch_set_gs(t->gs);
    }
    return error;
}

/* The list of locks that the kernel opens when the thread dies. */
static long my_restore_robust_list(const struct image_thread *t)
{
    if (t->robust_list == 0) {
        return 0;
    }
    return sys_call(SYS_set_robust_list, (long)t->robust_list, (long)t->robust_size, 0, 0);
}

/* The place where the kernel writes the number of the processor. */
static long my_restore_rseq(const struct image_thread *t)
{
    const long no_flags = 0;
    if (t->rseq_address == 0) {
        return 0;
    }
    return sys_call(SYS_rseq, (long)t->rseq_address, t->rseq_size, no_flags, ARCH_RSEQ_SIGNATURE);
}

static long restore(const void *note, size_t size)
{
//@ end
//@ step 3.6
    long error = my_restore_rseq(t);
    if (error != 0) {
        say("restart: rseq cannot be registered", NULL);
        return error;
    }
    error = my_restore_robust_list(t);
    if (error != 0) {
        say("restart: the robust list cannot be registered", NULL);
        return error;
    }
    restore_tid(t);
    return my_restore_segments(t);
//@ end
