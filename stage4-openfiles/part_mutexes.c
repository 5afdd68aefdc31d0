/*
 * part_mutexes.c - the room of locks that know their owner: a mutex that is held at the checkpoint has the thread's
 * id in it, and the second life has another one.  Given.
 *
 * glibc would take the program for a stranger, who waits for ever for a lock that is his own: a program that was
 * saved inside of dlopen(3) never came out of the next one.  Nobody has a list of them.  A held lock is known by
 * its look, that of glibc's pthread_mutex_t or pthread_rwlock_t on x86-64, in private memory that can be written.
 * Robust mutexes and those with priority inheritance have the id in their first word, for the kernel: not here.
 */
#include "image_memory.h"
#include "image_mutexes.h"
#include "memory_work.h"
#include "open_kind.h"
#include "part.h"

/* The owner's field of a recursive or error-checking mutex, or of a rwlock that is held for writing. */
static bool is_owner(const uint32_t *field)
{
    bool mutex = (field[-2] == 1 || field[-2] == 2) && field[1] == 1 && (field[2] == 1 || field[2] == 2);
    bool recursive = field[2] != 1 || field[-1] != 0;
    bool rwlock = (field[-6] & 3) == 3 && field[-4] == 1 && field[1] == 0;
    return (mutex && recursive) || rwlock;
}

/* Both structs are aligned to 8 and have the owner at an offset that is a multiple of 8. */
void mutexes_look_at(struct image_mutexes *m, const uint32_t *words, uint64_t page, bool first)
{
    for (size_t i = 0; i < ARCH_PAGE_SIZE / sizeof *words; i += 2) {
        if (words[i] != m->tid || (first && i < 6) || i + 2 >= ARCH_PAGE_SIZE / sizeof *words)
            continue;
        if (m->count < MUTEXES_MOST && is_owner(words + i))
            m->owners[m->count++] = page + i * sizeof *words;
    }
}

/* Only pages with content are read: to read others would make them. */
static void search(struct image_mutexes *m, struct pagemap *map, uint64_t start, uint64_t end)
{
    struct page_run run;
    for (uint64_t at = start; page_runs_next(map, at, end, &run); at = run.end)
        for (uint64_t page = run.start; page < run.end; page += ARCH_PAGE_SIZE)
            if (!(run.kinds & PAGE_RUN_SWAPPED) || !page_is_guard(map, page, true))
                mutexes_look_at(m, (const uint32_t *)page, page, page == start); // NOLINT: an address
}

static long save(const struct save_request *request, void *note, size_t room)
{
    struct image_mutexes *m = note;
    struct memory_work *work = memory_work(note, room);
    if (room <= PART_ROOM + sizeof *m)
        return -E2BIG;
    m->tid = (uint32_t)sys_call(SYS_gettid, 0, 0, 0, 0);
    long error = proc_lines_open(&work->lines, "/proc/self/maps", work->buffer, sizeof work->buffer);
    if (error != 0)
        return error;
    page_runs_open(&work->pages);
    for (const char *line; (line = proc_line(&work->lines)) != NULL;) {
        uint64_t start = text_parse(&line, 16);
        uint64_t end = *line++ == '-' ? text_parse(&line, 16) : start;
        if (text_starts(line, " rw-p") || text_starts(line, " rwxp"))
            search(m, &work->pages, start, end);
    }
    sys_close(work->pages.fd);
    error = proc_lines_close(&work->lines);
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
}

/* By a file, so that an address from the image that is nowhere is an error, and not a crash. */
static long restore_one(int memory, uint32_t before, uint32_t now, uint64_t address)
{
    uint32_t owner = 0;
    long got = sys_pread(memory, &owner, sizeof owner, (off_t)address);
    if (got != sizeof owner || owner != before)
        return got < 0 ? got : -EINVAL;
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
