/* image_numa.h - NOTE_NUMA: on which nodes memory may lie.  An array of these; part_numa.c, numa(7). */
#ifndef CKPT_IMAGE_NUMA_H
#define CKPT_IMAGE_NUMA_H

#include <stdint.h>

#define NUMA_NODES 1024 /* the most that Linux can have: CONFIG_NODES_SHIFT is 10 at the most */

struct numa_policy {
    uint64_t start, end; /* addresses; both 0: the policy of the process, set_mempolicy(2) */
    int64_t mode;        /* MPOL_ and its flags, as get_mempolicy(2) tells it */
    uint64_t nodes[NUMA_NODES / 64];
};

#endif
