/* image_attributes.h - NOTE_ATTRIBUTES: how a process is scheduled, and settings of prctl(2). */
#ifndef CKPT_IMAGE_ATTRIBUTES_H
#define CKPT_IMAGE_ATTRIBUTES_H

#include <stdint.h>

#define CPU_BYTES 1024 /* 8192 CPUs, more than Linux can have */

/* The kernel's struct sched_attr in its first version, sched_setattr(2). */
struct schedule {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

#define ATTRIBUTES             7
#define ATTRIBUTE_PARENT_DEATH 0 /* PR_SET_PDEATHSIG */
#define ATTRIBUTE_NO_NEW_PRIVS 3 /* PR_SET_NO_NEW_PRIVS */

struct image_attributes {
    int64_t settings[ATTRIBUTES]; /* negative: that kernel did not know it */
    struct schedule schedule;
    int64_t io_priority; /* class << 13 | value, ioprio_set(2) */
    int64_t personality; /* personality(2): ADDR_NO_RANDOMIZE, READ_IMPLIES_EXEC and all others */
    uint64_t seccomp;    /* number of filters */
    uint64_t cpu_bytes;  /* of each array; 0: not known */
    uint64_t cpus[CPU_BYTES / 8], possible[CPU_BYTES / 8]; /* sched_setaffinity(2); what it may have at the most */
};

#endif
