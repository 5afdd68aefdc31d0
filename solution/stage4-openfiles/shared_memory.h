/*
 * shared_memory.h - the program's shared memory: objects, and the regions that show them.
 *
 * An object is what several mappings can have in common: a file, a memfd, or memory without a name.  A view is one
 * region, a line of /proc/PID/maps.  NOTE_SHARED, as it stands in memory:
 *
 *     | struct shared_memory | objects[0] | [1] | ... | views: ascending by address | names |
 *                                 ^------- view->object        object->name: bytes from here ^
 */
#ifndef CKPT_SHARED_MEMORY_H
#define CKPT_SHARED_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHARED_LARGEST (1UL << 62) /* bytes: no offset and no size is larger */

enum shared_kind {
    SHARED_ANONYMOUS, /* mmap(2), MAP_SHARED | MAP_ANONYMOUS; maps: "/dev/zero (deleted)" */
    SHARED_MEMFD,     /* memfd_create(2); maps: "/memfd:NAME (deleted)" */
    SHARED_FILE,      /* a regular file that its name leads to; shm_open(3) makes one, too */
    SHARED_NAMELESS,  /* a regular file that no name leads to any more */
    SHARED_KINDS,
};

struct shared_object {
    uint32_t kind;          /* enum shared_kind */
    int32_t real_fd;        /* while a restart is under way: it, for reading and writing; -1: it has none */
    uint64_t device, inode; /* as stat(2) says for a SHARED_FILE, else as maps says */
    uint64_t size;          /* bytes; where stat(2) does not tell: up to the end of its last view */
    uint64_t name;          /* a string in names; of a memfd, without "/memfd:" */
};

struct shared_view {
    uint64_t start, end;
    uint64_t offset; /* bytes into the object */
    uint32_t prot;
    uint32_t object; /* index */
    uint64_t stored; /* while a restart is under way: 1, its bytes come from the image; 0, they are the file's */
};

struct shared_memory {
    uint32_t object_count, view_count;
    uint64_t names_size; /* bytes */
    struct shared_object objects[];
};

static inline struct shared_view *shared_views(const struct shared_memory *memory)
{
    return (struct shared_view *)(memory->objects + memory->object_count);
}

static inline const char *shared_name(const struct shared_memory *memory, const struct shared_object *object)
{
    return (const char *)(shared_views(memory) + memory->view_count) + object->name;
}

/* shared_restore.c: NULL if `size` bytes of anybody's can be believed; else what is wrong with them.  No libc. */
const char *shared_check(const struct shared_memory *memory, size_t size);

/* shared_restore.c: the part's restore(). */
long shared_restore(const void *note, size_t size);

#endif
