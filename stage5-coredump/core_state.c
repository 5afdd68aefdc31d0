/*
 * core_state.c - what the kernel knew of the process, as far as a core file lets us guess it.  Each guess is
 * checked against memory before it is believed.
 *
 *     thread   the TLS base is in NT_PRSTATUS.  libc keeps the thread's id at a place in the TLS that is the same
 *              in all programs of one libc: where it is in restart (thread_id.h).  If the core's pid stands there,
 *              it is it, and the address that the kernel was told lies as far away as in restart, too.
 *     rseq     up to glibc 2.40 likewise.  From 2.41 on it lies in front of the program's thread-local variables,
 *              and so elsewhere in each program; a variable of ld.so has the distance.  Empty memory looks like an
 *              area that was registered on the first processor: a wrong guess would be written to.
 *     robust   the kernel's list of robust mutexes, likewise
 *     memory   arguments and environment: core_arguments.c; the heap is behind the program's data.
 */
#include "core.h"
#include "part_thread.h"
#include "rseq.h"
#include "thread_id.h"

#include <linux/futex.h>
#include <linux/rseq.h>
#include <sys/auxv.h>

#define ROBUST_MOST 2048 /* ROBUST_LIST_LIMIT: the kernel goes no further */

static void find_tid(const struct core *core, struct image_thread *thread)
{
    uint64_t kernels = 0; /* 0: this kernel does not tell (CONFIG_CHECKPOINT_RESTORE) */
    uint32_t place = thread_id_find();
    int tid = 0;
    thread->id_place = THREAD_ID_UNKNOWN;
    if (place == THREAD_ID_UNKNOWN || !core_read(core, thread->tls + (uint64_t)(int32_t)place, &tid, sizeof tid) ||
        tid != core->status->pr_pid) {
        warnx("the thread id in libc's memory is not found: raise() and abort() will not work");
        return;
    }
    thread->id_place = place;
    if (prctl(PR_GET_TID_ADDRESS, &kernels) == 0 && kernels != 0)
        thread->tid_address = thread->tls + (kernels - arch_get_tls());
}

/* The distance of the area from the TLS base; 0: it is not known. */
static int64_t rseq_distance(const struct core *core, const struct rseq_place *own)
{
    int64_t distance = (int64_t)(own->address - arch_get_tls());
    uint64_t linker = core_aux(core, AT_BASE); /* 0: a static program, which has that variable elsewhere */
    if (distance >= 0)
        return distance;
    if (linker == 0 || !core_read(core, linker + (own->told_at - getauxval(AT_BASE)), &distance, sizeof distance))
        return 0;
    return distance < 0 && distance > -(1L << 20) && distance % 32 == 0 ? distance : 0;
}

/* A registered area has the number of a processor in it, and no critical section. */
static void find_rseq(const struct core *core, struct image_thread *thread)
{
    struct rseq area;
    struct rseq_place own = rseq_find();
    int64_t distance = own.address != 0 ? rseq_distance(core, &own) : 0;
    uint64_t address = thread->tls + (uint64_t)distance;
    if (distance == 0 || !core_read(core, address, &area, sizeof area) || area.cpu_id > 4096 ||
        area.cpu_id_start != area.cpu_id)
        return;
    thread->rseq_address = address;
    thread->rseq_size = own.size;
}

/*
 * The kernel's list of robust mutexes begins where it does in restart's own thread, if that looks like one: a ring.
 * An empty one points to itself.
 */
static void find_robust_list(const struct core *core, struct image_thread *thread)
{
    struct robust_list_head head, *own = NULL;
    size_t size = 0;
    if (syscall(SYS_get_robust_list, 0, &own, &size) != 0 || own == NULL || size != sizeof head)
        return;
    uint64_t address = thread->tls + ((uint64_t)own - arch_get_tls());
    if (!core_read(core, address, &head, sizeof head) || head.futex_offset != own->futex_offset)
        return;
    uint64_t at = (uint64_t)head.list.next & ~1UL;
    for (int most = ROBUST_MOST; at != address && most > 0; most--, at &= ~1UL)
        if (!core_read(core, at, &at, sizeof at))
            return;
    if (at == address) {
        thread->robust_list = address;
        thread->robust_size = size;
    }
}

static void make_thread(const struct core *core, struct image *image)
{
    static struct image_thread thread;
    thread.tls = arch_core_tls(&core->registers);
    thread.gs = arch_core_gs(&core->registers);
    find_tid(core, &thread);
    find_rseq(core, &thread);
    if (thread.id_place != THREAD_ID_UNKNOWN)
        find_robust_list(core, &thread);
    image_put_note(image, NOTE_THREAD, &thread, sizeof thread);
}

/* The program's code and data, from its first to its last region; returns where its memory ends. */
static uint64_t find_program(const struct core *core, const struct image *image, struct prctl_mm_map *map)
{
    uint64_t entry = core_aux(core, AT_ENTRY), end = 0;
    const struct image_region *at = image_region_at(image, entry);
    for (size_t i = 0; at != NULL && i < image->region_count; i++) {
        const struct image_region *r = &image->regions[i];
        if (!(r->flags & REGION_FILE) || strcmp(image->names + r->name, image->names + at->name) != 0)
            continue;
        if (r->prot & PROT_EXEC) {
            map->start_code = r->start;
            map->end_code = r->end;
        }
        map->start_data = r->start; /* the last is the data */
        map->end_data = end = r->end;
    }
    return end;
}

/*
 * The heap: the first anonymous region that can be written, at most 1 GiB behind the program and its bss.  A
 * program without a dynamic linker (AT_BASE is 0) has its TLS there, and the kernel may put its heap elsewhere.
 */
static void find_heap(const struct core *core, const struct image *image, uint64_t program_end,
                      struct prctl_mm_map *map)
{
    const struct image_region *tls = image_region_at(image, arch_core_tls(&core->registers));
    map->start_brk = map->brk = program_end;
    if (core_aux(core, AT_BASE) == 0 && tls != NULL) {
        map->start_brk = tls->start;
        map->brk = tls->end;
        return;
    }
    for (const struct image_region *r = image->regions; r < image->regions + image->region_count; r++) {
        if (r->start < program_end || r->flags != REGION_STORED || r->prot != (PROT_READ | PROT_WRITE))
            continue;
        if (r->start == map->brk) { /* bss, which begins where the file ends */
            map->start_brk = map->brk = r->end;
            continue;
        }
        if (r->start - program_end < 1UL << 30) {
            map->start_brk = r->start;
            map->brk = r->end;
        }
        return;
    }
}

/* struct image_mm of part_mm.c: the map, then the auxiliary vector. */
static void make_mm(const struct core *core, struct image *image)
{
    static struct { struct prctl_mm_map map; uint64_t auxv[128]; } mm;
    uint64_t end = find_program(core, image, &mm.map);
    size_t size = core->auxv_count * sizeof *core->auxv;
    if (end == 0 || mm.map.end_code == 0 || size > sizeof mm.auxv) {
        warnx("where the program's heap is cannot be told from the core: ps and gdb will know less");
        return;
    }
    find_heap(core, image, end, &mm.map);
    if (!core_arguments(core, image, &mm.map))
        warnx("the program's arguments are not found in the core: ps will not show them");
    memcpy(mm.auxv, core->auxv, size);
    mm.map.auxv_size = (uint32_t)size;
    image_put_note(image, NOTE_MM, &mm, sizeof mm);
}

void core_state(const struct core *core, struct image *image)
{
    make_thread(core, image);
    make_mm(core, image);
}
