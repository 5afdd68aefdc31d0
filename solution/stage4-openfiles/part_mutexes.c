/*
 * part_mutexes.c - the room of locks that know their owner: a mutex that is held at the checkpoint has the thread's
 * id in it, and the second life has another one.  Given.
 *
 * glibc would take the program for a stranger, who waits for ever for a lock that is his own: a program that was
 * saved inside of dlopen(3) never came out of the next one.  Nobody has a list of them.  A held lock is known by
 * its look, that of glibc's pthread_mutex_t or pthread_rwlock_t on 64-bit machines, in private memory that can be
 * written.
 * To read all memory takes long: where a copy of the program writes the image, the copy does it (live_fork.c).
 * Of robust mutexes, in whatever memory, the kernel has a list.  They have the id in their first word as well.
 * Those with priority inheritance that are not robust are not here.
 */
#include "image_memory.h"
#include "image_mutexes.h"
#include "memory_work.h"
#include "open_kind.h"
#include "part.h"

#include <linux/futex.h>

/* The owner's field of a recursive or error-checking mutex; its struct begins two words before. */
static bool is_mutex(const uint32_t *owner)
{
    bool held = (owner[-2] == 1 || owner[-2] == 2) && owner[1] == 1 && (owner[2] == 1 || owner[2] == 2);
    return held && (owner[2] != 1 || owner[-1] != 0);
}

/*
 * That of a rwlock that is held for writing; its struct begins six words before: readers, writers who wait, two
 * words for futex(2) (2: somebody waits), two that are unused.
 */
static bool is_rwlock(const uint32_t *owner)
{
    bool held = (owner[-6] & 3) == 3 && (owner[-4] | 2) == 3 && (owner[-3] | 2) == 3;
    return held && owner[-2] == 0 && owner[-1] == 0 && owner[1] == 0;
}

static void add(struct image_mutexes *m, uint64_t owner)
{
    if (m->count < MUTEXES_MOST)
        m->owners[m->count] = owner;
    if (m->count <= MUTEXES_MOST)
        m->count++;
}

/*
 * Both structs are aligned to 8 and have the owner at an offset that is a multiple of 8.  A mutex whose owner is
 * the last in its page goes on in the next one, and is seen from there.
 */
void mutexes_look_at(struct image_mutexes *m, const uint32_t *words, uint64_t page, bool first)
{
    const size_t count = ARCH_PAGE_SIZE / sizeof *words;
    if (!first && words[-2] == m->tid && is_mutex(words - 2))
        add(m, page - 2 * sizeof *words);
    for (size_t i = 0; i < count; i += 2) {
        if (words[i] != m->tid)
            continue;
        bool mutex = (!first || i >= 2) && i + 2 < count && is_mutex(words + i);
        if (mutex || ((!first || i >= 6) && is_rwlock(words + i)))
            add(m, page + i * sizeof *words);
    }
}

static bool is_known(const struct known_pages *known, uint64_t page)
{
    for (size_t i = 0; i < known->count; i++)
        if (known->pages[i] == page)
            return true;
    return false;
}

/*
 * Only pages with content are read: to read others would make them.  With `known`, ckpt --live has looked at the
 * others already, while the program went on; ckpt --incremental, at the last checkpoint: at those that were not
 * written to since; and at the page behind each, where a mutex may end.  *behind: the end of the last page that can
 * be read.  Of a lock that begins there the rest may be in the next region: what is tracked and what is not yet are
 * two.  A page without content has no part of a lock that is held.
 */
void mutexes_search(struct image_mutexes *m, struct pagemap *map, uint64_t start, uint64_t end,
                    const struct known_pages *known, uint64_t *behind)
{
    struct page_run run;
    uint64_t looked = start;
    for (uint64_t at = start; page_runs_next(map, at, end, &run); at = run.end)
        for (uint64_t page = run.start; page < run.end; page += ARCH_PAGE_SIZE) {
            bool first = page != *behind;
            bool skip = (run.kinds & PAGE_RUN_SWAPPED) && page_is_guard(map, page, true);
            *behind = skip ? *behind : page + ARCH_PAGE_SIZE;
            bool new = known == NULL || (run.kinds & PAGE_RUN_WRITTEN) || is_known(known, page);
            if (!skip && (new || page == looked))
                mutexes_look_at(m, (const uint32_t *)page, page, first); // NOLINT: an address
            looked = new ? page + ARCH_PAGE_SIZE : looked;
        }
}

/* words: lock, count, owner, those of pthread_mutex_t.  The kernel looks at the first. */
void mutexes_add_robust(struct image_mutexes *m, const uint32_t words[3], uint64_t first_word)
{
    if ((words[0] & FUTEX_TID_MASK) != m->tid)
        return;
    add(m, first_word);
    if (words[2] == m->tid)
        add(m, first_word + 2 * sizeof *words);
}

/* The robust mutex of one entry of the list.  It may be gone: see below. */
static void add_robust(struct image_mutexes *m, int memory, uint64_t first_word)
{
    uint32_t words[3];
    if (sys_pread(memory, words, sizeof words, (off_t)first_word) == sizeof words)
        mutexes_add_robust(m, words, first_word);
}

/*
 * The list is a ring through the mutexes, and in the program's hands: it is read by a file, which answers an error
 * where a program has unmapped what it holds.  What is being locked just now is not in the ring yet.
 */
static void walk_robust_list(struct image_mutexes *m)
{
    const struct robust_list_head *head = NULL;
    size_t size = 0;
    long memory = sys_open("/proc/self/mem", O_RDONLY | O_CLOEXEC, 0);
    if (memory < 0)
        return;
    if (sys_call(SYS_get_robust_list, 0, (long)&head, (long)&size, 0) == 0 && head != NULL) {
        uint64_t pending = (uint64_t)head->list_op_pending & ~1UL, at = (uint64_t)head->list.next & ~1UL;
        if (pending != 0)
            add_robust(m, (int)memory, pending + (uint64_t)head->futex_offset);
        for (int most = MUTEXES_MOST; most > 0 && at != (uint64_t)head; most--) {
            if (at != pending)
                add_robust(m, (int)memory, at + (uint64_t)head->futex_offset);
            if (sys_pread((int)memory, &at, sizeof at, (off_t)at) != sizeof at)
                break;
            at &= ~1UL; /* set for those with priority inheritance */
        }
    }
    sys_close((int)memory);
}

static long save(const struct save_request *request, void *note, size_t room)
{
    struct image_mutexes *m = note;
    struct memory_work *work = memory_work(note, room);
    if (room <= PART_ROOM + sizeof *m)
        return -E2BIG;
    m->tid = (uint32_t)sys_call(SYS_gettid, 0, 0, 0, 0);
    const struct live_view *live = live_view(request);
    if (live != NULL && live->copied) {
        walk_robust_list(m);
        return sizeof *m;
    }
    long error = proc_lines_open(&work->lines, "/proc/self/maps", work->buffer, sizeof work->buffer);
    if (error != 0)
        return error;
    page_runs_open(&work->pages);
    const struct known_pages *known = live != NULL ? live->held : NULL;
    uint64_t behind = 0;
    for (const char *line; (line = proc_line(&work->lines)) != NULL;) {
        uint64_t start = text_parse(&line, 16);
        uint64_t end = *line++ == '-' ? text_parse(&line, 16) : start;
        if (!text_starts(line, " rw-p") && !text_starts(line, " rwxp"))
            continue;
        work->pages.anonymous = text_starts(line + strlen(" rw-p"), " 00000000 00:00 0 "); /* no file's */
        mutexes_search(m, &work->pages, start, end, known, &behind);
    }
    sys_close(work->pages.fd);
    error = proc_lines_close(&work->lines);
    walk_robust_list(m);
    if (error == 0 && m->count > 0)
        return sizeof *m;
    *m = (struct image_mutexes){0}; /* the next room's note is written here, and needs zeros */
    return error;
}

static void describe(part_printf print, const void *note, size_t size)
{
    const struct image_mutexes *m = note;
    for (uint32_t i = 0; i < m->count && i < MUTEXES_MOST; i++)
        print("  a lock held by thread %u at 0x%lx\n", m->tid, m->owners[i]);
    if (m->count == 0)
        print("  none is held\n");
    if (m->count > MUTEXES_MOST)
        print("  more locks, which are not noted\n");
}

/*
 * By a file, so that an address of the image that is nowhere is an error, no crash.  The kernel's bits stay:
 * that somebody waits is true for nobody now, but then an unlock only wakes in vain.
 */
static long restore_one(int memory, uint32_t before, uint32_t now, uint64_t address)
{
    uint32_t owner = 0;
    long got = sys_pread(memory, &owner, sizeof owner, (off_t)address);
    if (got != sizeof owner || (owner & FUTEX_TID_MASK) != before)
        return got < 0 ? got : -EINVAL;
    now |= owner & ~FUTEX_TID_MASK;
    got = sys_pwrite(memory, &now, sizeof now, (off_t)address);
    return got == sizeof now ? 0 : -EIO;
}

static long restore(const void *note, size_t size)
{
    const struct image_mutexes *m = note;
    uint32_t now = (uint32_t)sys_call(SYS_gettid, 0, 0, 0, 0);
    long memory = sys_open("/proc/self/mem", O_RDWR | O_CLOEXEC, 0);
    long error = memory < 0 ? memory : 0;
    for (uint32_t i = 0; i < m->count && i < MUTEXES_MOST && error == 0; i++)
        error = restore_one((int)memory, m->tid, now, m->owners[i]);
    if (memory >= 0)
        sys_close((int)memory);
    if (error != 0)
        say("restart: a lock that the program holds keeps its old owner: it may wait for it for ever", NULL);
    return 0;
}

const struct part mutexes_part = {NOTE_MUTEXES, "mutexes", sizeof(struct image_mutexes), save, describe, restore};
