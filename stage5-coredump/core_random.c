/*
 * core_random.c - the memory in which libc makes random numbers.
 *
 * With Linux 6.11 and glibc 2.41 getrandom(3) makes no system call: the vdso has the code, and each thread a state,
 * in memory that is in no core (MAP_DROPPABLE, and so kept out as with MADV_DONTDUMP).  The kernel's cores name it
 * without bytes; gcore does not name it, and the next getrandom(3) would crash.  Empty memory is right there: the
 * code then asks the kernel for new random numbers.
 *
 * Where it is stands in libc's struct pthread, at a distance that is found by looking in restart: we draw a number,
 * see which of our own mappings is of that kind, and which word behind our TLS base leads there.
 */
#include "core.h"
#include "image_memory.h"

#include <sys/random.h>

/* libc tells debuggers how long a struct pthread is: thread_id.c. */
extern const uint32_t _thread_db_sizeof_pthread __attribute__((weak));

/* How restart has it.  size 0: it has none. */
struct own_state {
    uint64_t size;   /* bytes of the mapping */
    uint64_t inside; /* how far in the mapping the state of the first thread begins */
    int64_t word;    /* bytes from the TLS base to the word that leads to it; its lowest bit means "in use" */
};

/* Our mapping that can be dropped, from its two lines in smaps. */
static bool find_mapping(uint64_t *start, uint64_t *end)
{
    char line[512];
    bool found = false;
    FILE *smaps = fopen("/proc/self/smaps", "re");
    while (smaps != NULL && !found && fgets(line, sizeof line, smaps) != NULL) {
        uint64_t from, to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
            *start = from;
            *end = to;
        } else if (strncmp(line, "VmFlags:", 8) == 0) {
            found = strstr(line, " dp") != NULL;
        }
    }
    if (smaps != NULL)
        fclose(smaps);
    return found;
}

static struct own_state find_own(void)
{
    uint64_t start, end, size = &_thread_db_sizeof_pthread != NULL ? _thread_db_sizeof_pthread : 0;
    int64_t first = ARCH_THREAD_START(size);
    const uint64_t *words = (const uint64_t *)(arch_get_tls() + (uint64_t)first); // NOLINT: an address
    char byte;
    if (getrandom(&byte, 1, 0) != 1 || !find_mapping(&start, &end))
        return (struct own_state){0};
    for (size_t i = 0; i < size / sizeof *words; i++)
        if (words[i] >= start && words[i] < end)
            return (struct own_state){end - start, (words[i] & ~1UL) - start, first + (int64_t)(i * sizeof *words)};
    return (struct own_state){0};
}

struct core_range core_random(const struct core *core)
{
    static const struct core_range none;
    struct own_state own = find_own();
    uint64_t state = 0;
    char byte;
    uint64_t at = arch_core_tls(&core->registers) + (uint64_t)own.word;
    if (own.size == 0 || !core_read(core, at, &state, sizeof state) || state == 0)
        return none;
    struct core_range range = {.start = (state & ~1UL) - own.inside};
    range.end = range.start + own.size;
    if (range.start % ARCH_PAGE_SIZE != 0 || range.start > range.end || range.end > ARCH_USER_END ||
        core_read(core, range.start, &byte, 1))
        return none; /* another libc's, or a core with these bytes */
    return range;
}

void core_random_note(struct image *image, struct core_range range)
{
    static uint64_t room[(sizeof(struct image_memory) + sizeof(struct memory_range)) / sizeof(uint64_t)];
    struct image_memory *note = (struct image_memory *)room;
    const struct image_region *region = image_region_at(image, range.start);
    if (range.start == range.end || region == NULL || region->end < range.end ||
        (region->flags & (REGION_STORED | REGION_FILE | REGION_KERNEL)) != 0)
        return;
    note->count = 1;
    note->ranges[0] = (struct memory_range){.start = range.start, .end = range.end, .flags = MEMORY_DROPPABLE};
    image_put_note(image, NOTE_MEMORY, room, sizeof room);
}
