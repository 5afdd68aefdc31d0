/* In place of restart.c: the same, but the program is not run by execve(2): it is mapped, and jumped to, as the kernel would
 * do it. So the process executes what it should, nobody traces it, and its lines are right; its memory is not the image's. */
#define BECOME() become()
static int become(void);
#include "anew.c"
#include <sys/auxv.h>

static char *new_stack;

static size_t up(size_t size)
{
    return (size + 4095) & ~(size_t)4095;
}

/* Returns where the program at `path` begins to run; its base in *base. */
static uint64_t load(const char *path, uint64_t *base)
{
    Elf64_Ehdr *head = whole(path);
    Elf64_Phdr *part = (void *)((char *)head + head->e_phoff);
    int fd = open(path, O_RDONLY);
    size_t size = 0;

    for (int i = 0; i < head->e_phnum; i++)
        if (part[i].p_type == PT_LOAD)
            size = up(part[i].p_vaddr + part[i].p_memsz);
    char *at = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < head->e_phnum; i++) {
        if (part[i].p_type != PT_LOAD)
            continue;
        char *from = at + (part[i].p_vaddr & ~4095ul), *end = at + part[i].p_vaddr + part[i].p_filesz;
        int prot = (part[i].p_flags & PF_R ? PROT_READ : 0) | (part[i].p_flags & PF_W ? PROT_WRITE : 0) |
                   (part[i].p_flags & PF_X ? PROT_EXEC : 0);
        char *behind = (char *)up((uint64_t)end), *last = (char *)up((uint64_t)end - part[i].p_filesz + part[i].p_memsz);
        mmap(from, (size_t)(end - from), prot, MAP_PRIVATE | MAP_FIXED, fd, (off_t)(part[i].p_offset & ~4095ul));
        if (part[i].p_memsz > part[i].p_filesz)
            memset(end, 0, (size_t)(behind - end));
        if (last > behind)
            mmap(behind, (size_t)(last - behind), prot, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
    }
    close(fd);
    *base = (uint64_t)at;
    return (uint64_t)at + head->e_entry;
}

static uint64_t value_for(uint64_t type, uint64_t base, uint64_t entry, uint64_t loader)
{
    Elf64_Ehdr *head = (void *)elf;

    switch (type) {
    case AT_PHDR: return base + head->e_phoff;
    case AT_PHNUM: return head->e_phnum;
    case AT_ENTRY: return entry;
    case AT_BASE: return loader;
    case AT_EXECFN: return (uint64_t)arguments[0];
    default: return getauxval(type);
    }
}

static int become(void)
{
    static const uint64_t types[] = { AT_SYSINFO_EHDR, AT_HWCAP, AT_HWCAP2, AT_PAGESZ, AT_CLKTCK, AT_PHDR, AT_PHENT, AT_PHNUM, AT_BASE,
                                      AT_FLAGS, AT_ENTRY, AT_UID, AT_EUID, AT_GID, AT_EGID, AT_SECURE, AT_RANDOM, AT_EXECFN,
                                      AT_PLATFORM, AT_MINSIGSTKSZ };
    uint64_t base, loader = 0, entry = load(arguments[0], &base), start = entry, n = 1, *top;
    Elf64_Phdr *part = (void *)(elf + ((Elf64_Ehdr *)elf)->e_phoff);

    for (int i = 0; i < ((Elf64_Ehdr *)elf)->e_phnum; i++)
        if (part[i].p_type == PT_INTERP)
            start = load(elf + part[i].p_offset, &loader);
    *told_base = base;
    new_stack = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    top = (void *)(new_stack + (8 << 20) - 16384);
    for (; arguments[top[0]]; top[0]++)
        top[n++] = (uint64_t)arguments[top[0]];
    n++;
    for (int i = 0; environment[i]; i++)
        top[n++] = (uint64_t)environment[i];
    n++;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        top[n++] = types[i];
        top[n++] = value_for(types[i], base, entry, loader);
    }
    __asm__ volatile("mov %0, %%rsp\n\txor %%edx, %%edx\n\txor %%ebp, %%ebp\n\tjmp *%1" : : "D"(top), "S"(start) : "memory");
    return 0;
}
