/*
 * core_arguments.c - where arguments and environment of the program are, for ps and /proc/PID/cmdline.
 *
 * exec(2) has put them at the top of the stack, in this order:
 *
 *     start_stack                                         arg_start         env_start       AT_EXECFN
 *     | argc | argv ... 0 | envp ... 0 | auxv ... 0 | ... | strings of argv | of envp       | program's name | 0
 *
 * The auxiliary vector is found by its bytes, which the core has in a note.  The pointers are the program's to
 * change (setenv(3), putenv(3)) and the strings, too (setproctitle(3)); but where the strings begin stays: nothing
 * but zeros lies between the kernel's own words (AT_RANDOM, AT_PLATFORM) and them.
 */
#include "core.h"

#define MOST (8UL << 20) /* bytes that are looked at: all that exec(2) writes has 6 MiB at most */

/* The highest bytes of the main stack, in our memory. */
struct top {
    char *bytes; /* malloc'ed; NULL: the core has none */
    uint64_t start, end;
};

static struct top read_top(const struct core *core, const struct image_region *stack)
{
    struct top top = {.end = stack->end, .start = stack->start};
    if (top.end - top.start > MOST)
        top.start = top.end - MOST;
    top.bytes = malloc(top.end - top.start);
    if (top.bytes != NULL && !core_read(core, top.start, top.bytes, top.end - top.start)) {
        free(top.bytes);
        top.bytes = NULL;
    }
    return top;
}

static uint64_t word_at(const struct top *top, uint64_t address)
{
    uint64_t word = 0;
    if (address >= top->start && address <= top->end - sizeof word)
        memcpy(&word, top->bytes + (address - top->start), sizeof word);
    return word;
}

/* Behind the string at `address`, but not behind `end`; `address` itself if it is not among the strings. */
static uint64_t behind_string(const struct top *top, uint64_t address, uint64_t end)
{
    if (address < top->start || address >= end)
        return address;
    return address + strnlen(top->bytes + (address - top->start), end - address - 1) + 1;
}

/* Where the strings of the arguments begin; `end` if there are none. */
static uint64_t find_strings(const struct core *core, const struct top *top, uint64_t auxv_end, uint64_t end)
{
    static const uint64_t types[] = {AT_PLATFORM, AT_BASE_PLATFORM};
    uint64_t at = auxv_end, random_end = core_aux(core, AT_RANDOM) + 16;
    if (random_end > at && random_end < end)
        at = random_end;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        uint64_t word_end = behind_string(top, core_aux(core, types[i]), end);
        if (word_end > at && word_end < end)
            at = word_end;
    }
    while (at < end && top->bytes[at - top->start] == '\0')
        at++;
    return at;
}

/* argc: a number, that many pointers of which the first is to the strings, and a 0.  0: it is not found. */
static uint64_t find_argc(const struct top *top, uint64_t auxv, uint64_t strings)
{
    for (uint64_t at = auxv - 16; at > top->start + 8; at -= 8) {
        uint64_t count = word_at(top, at - 8);
        bool fits = count > 0 && count < (auxv - at) / 8;
        if (fits && word_at(top, at) == strings && word_at(top, at + 8 * count) == 0)
            return at - 8;
    }
    return 0;
}

static bool find_all(const struct core *core, const struct top *top, struct prctl_mm_map *map)
{
    size_t size = core->auxv_count * sizeof *core->auxv;
    uint64_t end = core_aux(core, AT_EXECFN);
    const char *found = memmem(top->bytes, end - top->start, core->auxv, size);
    if (size == 0 || found == NULL)
        return false;
    uint64_t auxv = top->start + (uint64_t)(found - top->bytes);
    uint64_t strings = find_strings(core, top, auxv + size, end), argc = find_argc(top, auxv, strings);
    if (strings == end || argc == 0)
        return false;
    map->start_stack = argc;
    map->arg_start = strings;
    uint64_t last = word_at(top, argc + 8 * word_at(top, argc)); /* the last argument; the pointer may be changed */
    map->arg_end = behind_string(top, last >= strings && last < end ? last : strings, end);
    map->env_start = map->arg_end;
    map->env_end = end;
    return true;
}

bool core_arguments(const struct core *core, const struct image *image, struct prctl_mm_map *map)
{
    uint64_t end = core_aux(core, AT_EXECFN);
    const struct image_region *stack = image_region_at(image, end);
    struct top top = stack != NULL ? read_top(core, stack) : (struct top){0};
    bool found = top.bytes != NULL && end > top.start && find_all(core, &top, map);
    free(top.bytes);
    if (!found) /* an empty range somewhere in the stack: the kernel takes no address that cannot be */
        map->start_stack = map->arg_start = map->arg_end = map->env_start = map->env_end =
            stack != NULL ? end : arch_core_stack(&core->registers);
    return found;
}
