/* image_signals.h - NOTE_SIGNALS: what each signal does, and those that wait. */
#ifndef CKPT_IMAGE_SIGNALS_H
#define CKPT_IMAGE_SIGNALS_H

#include <signal.h>
#include <stdint.h>

#define SIGNALS 64
#define MASK_SIZE 8 /* bytes of the kernel's sigset_t */

/* The kernel's own struct sigaction, <asm/signal.h>: not libc's, whose sa_mask is larger. */
struct kernel_sigaction {
    uint64_t handler; /* an address, or SIG_DFL (0), SIG_IGN (1) */
    uint64_t flags, restorer, mask;
};

struct image_signals {
    struct kernel_sigaction actions[SIGNALS]; /* of signal i + 1 */
    uint64_t waiting_count;
    siginfo_t waiting[]; /* in the order in which they came */
};

#endif
