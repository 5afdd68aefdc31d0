/*
 * part_numa.c - the room of NUMA policies: on which nodes of a large machine memory may lie.  That of the process,
 * and those of ranges (mbind(2)).  Given.
 *
 * The kernel is asked region by region: a policy always covers whole ones.  A kernel without CONFIG_NUMA answers
 * ENOSYS; then there is no note.  memory_plan.c names policies that this machine cannot have.
 */
#include "image_numa.h"
#include "memory_work.h"
#include "open_kind.h"
#include "part.h"

#include <linux/mempolicy.h>

#define NODES_ARGUMENT (NUMA_NODES + 1) /* these system calls count one more than there are bits */

static long get_policy(struct numa_policy *policy, long flags)
{
    int mode = 0;
    long error = arch_syscall(SYS_get_mempolicy, (long)&mode, (long)policy->nodes, NODES_ARGUMENT,
                              (long)policy->start, flags, 0);
    policy->mode = mode;
    return error;
}

static bool is_same(const struct numa_policy *a, const struct numa_policy *b)
{
    bool same = a->mode == b->mode;
    for (int i = 0; i < NUMA_NODES / 64; i++)
        same = same && a->nodes[i] == b->nodes[i];
    return same;
}

/* Adds a region's policy, or makes the last range longer; policies[0] is that of the process. */
static size_t add(struct numa_policy *policies, size_t count, const struct numa_policy *policy)
{
    struct numa_policy *last = &policies[count - 1];
    if (count > 1 && last->end == policy->start && is_same(last, policy)) {
        last->end = policy->end;
        return count;
    }
    policies[count] = *policy;
    return count + 1;
}

static long save(const struct save_request *request, void *note, size_t room)
{
    struct numa_policy *policies = note;
    struct memory_work *work = memory_work(note, room);
    size_t count = 1, most = room > PART_ROOM ? (room - PART_ROOM) / sizeof *policies : 0;
    if (most < 2 || get_policy(policies, 0) != 0)
        return most < 2 ? -E2BIG : 0;
    long error = proc_lines_open(&work->lines, "/proc/self/maps", work->buffer, sizeof work->buffer);
    if (error != 0)
        return error;
    for (const char *line; (line = proc_line(&work->lines)) != NULL && count < most;) {
        struct numa_policy policy = {.start = text_parse(&line, 16)};
        line += *line == '-';
        policy.end = text_parse(&line, 16);
        if (get_policy(&policy, MPOL_F_ADDR) == 0 && policy.mode != MPOL_DEFAULT)
            count = add(policies, count, &policy);
    }
    error = proc_lines_close(&work->lines);
    return error != 0 ? error : count == most ? -E2BIG : (long)(count * sizeof *policies);
}

static void describe(part_printf print, const void *note, size_t size)
{
    const struct numa_policy *policies = note;
    for (const struct numa_policy *p = policies; p < policies + size / sizeof *p; p++)
        print("  %lx-%lx policy %ld on nodes 0x%lx\n", p->start, p->end, p->mode, p->nodes[0]);
}

/* Pages that are on other nodes move. */
static long restore(const void *note, size_t size)
{
    const struct numa_policy *policies = note;
    long error = 0;
    for (const struct numa_policy *p = policies; p < policies + size / sizeof *p; p++) {
        long nodes = p->mode == MPOL_DEFAULT ? 0 : (long)p->nodes;
        long one = p->end == 0 ? sys_call(SYS_set_mempolicy, p->mode, nodes, NODES_ARGUMENT, 0) :
                   arch_syscall(SYS_mbind, (long)p->start, (long)(p->end - p->start), p->mode, nodes,
                                NODES_ARGUMENT, MPOL_MF_MOVE);
        error = one != 0 ? one : error;
    }
    if (error != 0)
        say("restart: not all NUMA policies are restored: errno ", text_number((uint64_t)-error, 10).digits, NULL);
    return 0;
}

const struct part numa_part = {NOTE_NUMA, "numa", sizeof(struct numa_policy), save, describe, restore};
