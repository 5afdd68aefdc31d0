/*
 * thread_id.c - finds where libc keeps the number of a thread.  Given.
 *
 * glibc describes its struct pthread to debuggers, in variables that libthread_db reads (nptl_db/structs.def): size
 * in bits, number of elements, offset in bytes.  struct pthread begins at the TLS base, or ends there.  Without
 * them, it is the address that the kernel was told, as it was in all versions up to 2.42.  Both are only believed
 * if the number stands there.
 */
#include "thread_id.h"
#include "sys.h"

#include <sys/prctl.h>

extern const uint32_t _thread_db_pthread_tid[3] __attribute__((weak));
extern const uint32_t _thread_db_sizeof_pthread __attribute__((weak));

static bool is_there(int64_t distance)
{
    const int *place = (const int *)(arch_get_tls() + (uint64_t)distance); // NOLINT: an address
    return (uint64_t)distance + ARCH_PAGE_SIZE < 2 * ARCH_PAGE_SIZE && *place == sys_call(SYS_gettid, 0, 0, 0, 0);
}

uint32_t thread_id_find(void)
{
    uint64_t kernels = 0; /* a kernel without CONFIG_CHECKPOINT_RESTORE does not tell */
    int64_t place = INT64_MAX;
    if (&_thread_db_pthread_tid != NULL && &_thread_db_sizeof_pthread != NULL && _thread_db_pthread_tid[0] == 32)
        place = ARCH_THREAD_START(_thread_db_sizeof_pthread) + _thread_db_pthread_tid[2];
    if (!is_there(place) && sys_call(SYS_prctl, PR_GET_TID_ADDRESS, (long)&kernels, 0, 0) == 0)
        place = (int64_t)(kernels - arch_get_tls());
    return is_there(place) ? (uint32_t)place : THREAD_ID_UNKNOWN;
}
