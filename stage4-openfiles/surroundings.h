/*
 * surroundings.h - NOTE_SURROUNDINGS: what a process has from those around it, and cannot give itself: who it is,
 * where its root is, its session and terminal, its namespaces, its clocks.  Nothing of it is restored, but for
 * the clocks: restart compares the two lives, and says what differs.
 */
#ifndef CKPT_SURROUNDINGS_H
#define CKPT_SURROUNDINGS_H

#include <stddef.h>
#include <stdint.h>

#define NAMESPACES 7
#define NAMESPACE_NAMES {"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"} /* in /proc/self/ns */
#define CAPABILITIES 5
#define CAPABILITY_NAMES {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} /* in /proc/self/status */
#define NSEC 1000000000L

struct surroundings {
    uint32_t users[4], groups[4]; /* real, effective, saved, and for files: credentials(7) */
    uint64_t more_groups, more_groups_sum; /* how many, and image_checksum() of them, getgroups(2) */
    uint64_t capabilities[CAPABILITIES];
    int64_t securebits;                 /* prctl(2); negative: not known */
    uint64_t root_device, root_inode;   /* of "/", chroot(2) */
    uint64_t namespaces[NAMESPACES];    /* inode numbers; 0: that kernel has none */
    int32_t pid, process_group, session, terminal; /* terminal: tty_nr of proc_pid_stat(5), 0: it had none */
    int64_t real, monotonic, boot;      /* clock_gettime(2), nanoseconds */
    int64_t monotonic_offset, boot_offset; /* of its time namespace, time_namespaces(7), nanoseconds */
    uint64_t cpu_time;                  /* microseconds, getrusage(2), with children that were waited for */
    uint64_t filters;                   /* of seccomp(2) */
    uint64_t keyrings;                  /* 1: it had a thread's own, 2: a process's own, keyrings(7) */
    char boot_id[40];                   /* random(4): one of each start of the kernel */
    char label[256];                    /* of a security module, /proc/PID/attr/current */
    char cgroup[1024];                  /* cgroups(7): /proc/PID/cgroup, its beginning */
};

/* Fills it in for this process; `scratch` is memory to work in, `size` bytes.  No libc. */
void surroundings_read(struct surroundings *to, char *scratch, size_t size);

#endif
