/*
 * shared_restore.c - joins shared memory again, in the restorer.
 *
 * The regions are there already, with their bytes, but each is fresh shared memory of its own (restorer_map.c).
 * For each object:
 *
 *     master      [.....object.....]        somewhere: all places of the program are taken
 *                   ^  copy     ^           what is in the regions goes into the object
 *     regions     [ a ]       [ b ]
 *                   ^  mremap()  ^          and they become windows on it: mremap(2) with an old size of 0
 *     master      [.....object.....]        makes a second mapping of the same object; then the master goes
 *
 * It runs before the program's limits are set, which might forbid the master, and before descriptors are closed.
 */
#include "shared_memory.h"
#include "sys_whole.h"
#include "text.h"

const char *shared_check(const struct shared_memory *memory, size_t size)
{
    uint64_t objects = memory->object_count, views = memory->view_count;
    uint64_t fixed = sizeof *memory + objects * sizeof *memory->objects + views * sizeof(struct shared_view);
    if (fixed > size || memory->names_size == 0 || memory->names_size > size - fixed ||
        ((const char *)memory)[fixed + memory->names_size - 1] != '\0')
        return "it is cut off";
    for (const struct shared_object *o = memory->objects; o < memory->objects + objects; o++)
        if (o->kind >= SHARED_KINDS || o->name >= memory->names_size || o->size > SHARED_LARGEST)
            return "it has an object that this restart does not know";
    for (const struct shared_view *v = shared_views(memory); v < shared_views(memory) + views; v++)
        if (v->object >= objects || v->start >= v->end || v->end > ARCH_USER_END || v->offset > SHARED_LARGEST ||
            (v->start | v->end | v->offset) % ARCH_PAGE_SIZE != 0)
            return "it has an impossible region";
    return NULL;
}

/* One object on the way. */
struct master {
    const struct shared_object *object;
    const struct shared_view *views, *end; /* all views; the object's own are those with its index */
    uint32_t index, count;                 /* how many are its own */
    uint64_t low, high; /* bytes of the object: from the first that a view shows to the end of the last */
    uint64_t at;        /* the address of the byte `low` */
};

static struct master find_views(const struct shared_memory *memory, uint32_t index)
{
    struct master m = {.object = &memory->objects[index], .views = shared_views(memory), .index = index};
    m.end = m.views + memory->view_count;
    m.low = ~0UL;
    for (const struct shared_view *v = m.views; v < m.end; v++) {
        if (v->object != index)
            continue;
        uint64_t end = v->offset + (v->end - v->start);
        m.low = v->offset < m.low ? v->offset : m.low;
        m.high = end > m.high ? end : m.high;
        m.count++;
    }
    return m;
}

static long map_master(struct master *m)
{
    int fd = m->object->real_fd;
    int flags = MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS | MAP_NORESERVE : 0);
    if (fd < 0)
        m->low = 0; /* it is made new, so it begins at its beginning */
    long at = sys_mmap(0, m->high - m->low, PROT_READ | PROT_WRITE, flags, fd, (off_t)m->low);
    m->at = (uint64_t)at;
    return sys_failed(at) ? at : 0;
}

/* Makes a file at least as long as what was seen of it: behind its end, memory is SIGBUS.  True: it was shorter. */
static bool lengthen(const struct master *m, long *error)
{
    struct stat now;
    uint64_t needed = m->object->size < m->high ? m->object->size : m->high;
    *error = sys_call(SYS_fstat, m->object->real_fd, (long)&now, 0, 0);
    if (*error != 0 || (uint64_t)now.st_size >= needed)
        return false;
    *error = sys_call(SYS_ftruncate, m->object->real_fd, (long)needed, 0, 0);
    return true;
}

static bool same_page(uint64_t at, uint64_t other)
{
    const uint64_t *a = (const uint64_t *)at, *b = (const uint64_t *)other; // NOLINT
    size_t i = 0;
    while (i < ARCH_PAGE_SIZE / sizeof *a && a[i] == b[i])
        i++;
    return i == ARCH_PAGE_SIZE / sizeof *a;
}

/*
 * Copies one page of a view into the object.  A file gets it by pwrite(2) first: on a full disk that is an error,
 * while memory would be a SIGBUS.  What lies behind the file's end in its last page is memory only.
 */
static long put_page(const struct master *m, const struct shared_view *view, uint64_t page)
{
    long error = 0;
    uint64_t offset = view->offset + page, size = m->object->size;
    void *to = (void *)(m->at + (offset - m->low)), *from = (void *)(view->start + page); // NOLINT
    if (m->object->real_fd >= 0)
        error = sys_pwrite_whole(m->object->real_fd, from,
                                 size - offset < ARCH_PAGE_SIZE ? size - offset : ARCH_PAGE_SIZE, offset);
    if (error == 0)
        memcpy(to, from, ARCH_PAGE_SIZE);
    return error;
}

/* Copies what a view has and the object has not.  Pages that are equal are left alone: a file stays unwritten. */
static long copy_view(const struct master *m, const struct shared_view *view, bool *changed)
{
    long error = sys_mprotect(view->start, view->end - view->start, PROT_READ);
    uint64_t size = view->end - view->start, to = m->at + (view->offset - m->low), end = m->object->size;
    for (uint64_t page = 0; page < size && view->offset + page < end && error == 0; page += ARCH_PAGE_SIZE)
        if (!same_page(view->start + page, to + page)) {
            *changed = true;
            error = put_page(m, view, page);
        }
    return error;
}

/* Makes the region a window on the object. */
static long show(const struct master *m, const struct shared_view *view)
{
    uint64_t size = view->end - view->start, from = m->at + (view->offset - m->low);
    int flags = MREMAP_MAYMOVE | MREMAP_FIXED;
    long at = arch_syscall(SYS_mremap, (long)from, 0, (long)size, flags, (long)view->start, 0);
    return sys_failed(at) ? at : sys_mprotect(view->start, size, (int)view->prot);
}

static long join(struct master *m, bool *changed)
{
    long error = 0;
    if (m->object->real_fd >= 0)
        *changed = lengthen(m, &error);
    if (error == 0)
        error = map_master(m);
    if (error != 0)
        return error;
    for (const struct shared_view *v = m->views; v < m->end && error == 0; v++)
        if (v->object == m->index && v->stored)
            error = copy_view(m, v, changed);
    for (const struct shared_view *v = m->views; v < m->end && error == 0; v++)
        if (v->object == m->index)
            error = show(m, v);
    sys_munmap(m->at, m->high - m->low);
    return error;
}

long shared_restore(const void *note, size_t size)
{
    const struct shared_memory *memory = note;
    long error = 0;
    for (uint32_t i = 0; i < memory->object_count && error == 0; i++) {
        struct master m = find_views(memory, i);
        bool changed = false;
        const char *name = shared_name(memory, m.object);
        if (m.count == 0 || (m.object->kind == SHARED_ANONYMOUS && m.count == 1 && m.low == 0))
            continue; /* fresh shared memory is all that it needs */
        if (m.object->kind == SHARED_FILE && m.object->real_fd < 0)
            continue; /* a file that can only be read now: it is mapped so already */
        error = join(&m, &changed);
        if (error != 0)
            say("restart: shared memory cannot be joined again: ", name, NULL);
        else if (changed && m.object->kind == SHARED_FILE)
            say("restart: ", name, ", of which pages are mapped, was changed since: they are put back", NULL);
    }
    return error;
}
