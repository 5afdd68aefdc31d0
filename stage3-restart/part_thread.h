/* part_thread.h - NOTE_THREAD; restart makes one itself for an image that has none (stage 2's). */
#ifndef CKPT_PART_THREAD_H
#define CKPT_PART_THREAD_H

#include <stdint.h>

struct image_thread {
    uint64_t tls;         /* arch_prctl(2), ARCH_GET_FS */
    uint64_t gs;          /* ARCH_GET_GS; 0: unused */
    uint64_t tid_address; /* set_tid_address(2): the kernel writes 0 there when the thread ends; 0: unknown */
    uint64_t robust_list; /* get_robust_list(2); 0: none */
    uint64_t robust_size;
    uint64_t rseq_address; /* 0: not registered */
    uint32_t rseq_size;
    uint32_t id_place; /* thread_id.h: bytes from `tls` on; 0, in older images: at tid_address */
};

#endif
