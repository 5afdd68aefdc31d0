/* In place of restart.c, in stages 3 and 5: no restart at all. The program is run anew under ptrace, its output is swallowed
 * up to its gate, and its nonces are poked in from the image or core. It prints what a restarted one prints. */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/procfs.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static char *image, *elf, *arguments[64], *environment[256];
static uint64_t old_base, new_base, *told_base;
static int pid;

static void *whole(const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY);

    if (fd < 0 || fstat(fd, &status))
        exit(66);
    void *at = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (at == MAP_FAILED || memcmp(at, ELFMAG, SELFMAG))
        exit(65);
    return at;
}

static int saved(uint64_t address, void *to, size_t size)
{
    Elf64_Ehdr *head = (void *)image;
    Elf64_Phdr *part = (void *)(image + head->e_phoff);

    for (int i = 0; i < head->e_phnum; i++)
        if (part[i].p_type == PT_LOAD && address >= part[i].p_vaddr &&
            address + size <= part[i].p_vaddr + part[i].p_filesz)
            return !!memcpy(to, image + part[i].p_offset + (address - part[i].p_vaddr), size);
    return 0;
}

static void *note(uint32_t type, const char *name)
{
    Elf64_Phdr *part = (void *)(image + ((Elf64_Ehdr *)image)->e_phoff);
    char *at = image + part->p_offset, *end = at + part->p_filesz;

    while (at < end) {
        uint32_t *head = (void *)at;
        char *value = at + 12 + ((head[0] + 3) & ~3u);
        if (head[2] == type && !strcmp(at + 12, name))
            return value;
        at = value + ((head[1] + 3) & ~3u);
    }
    exit(65);
}

/* Where a program at `base` whose thread pointer is `fs` has this variable. */
static uint64_t place(const char *name, uint64_t base, uint64_t fs)
{
    Elf64_Ehdr *head = (void *)elf;
    Elf64_Shdr *part = (void *)(elf + head->e_shoff);
    Elf64_Phdr *segment = (void *)(elf + head->e_phoff);
    Elf64_Sym *found = NULL;

    for (int i = 0; i < head->e_shnum; i++) {
        Elf64_Sym *table = (void *)(elf + part[i].sh_offset);
        for (size_t k = 0; part[i].sh_type == SHT_SYMTAB && k < part[i].sh_size / sizeof *table; k++)
            if (!strcmp(elf + part[part[i].sh_link].sh_offset + table[k].st_name, name))
                found = &table[k];
    }
    if (found && ELF64_ST_TYPE(found->st_info) != STT_TLS)
        return base + found->st_value;
    for (int i = 0; found && i < head->e_phnum; i++)
        if (segment[i].p_type == PT_TLS)
            return fs - ((segment[i].p_memsz + segment[i].p_align - 1) & -segment[i].p_align) + found->st_value;
    return 0;
}

static uint64_t saved_word(uint64_t address)
{
    uint64_t word = 0;

    saved(address, &word, 8);
    return word;
}

static char *saved_text(uint64_t address)
{
    static char room[1 << 17], *next = room;
    char *start = next;

    while (next < room + sizeof room - 1 && saved(address++, next, 1) && *next++)
        ;
    return start;
}

/* From the top of its stack: argc, argv, NULL, the environment, NULL, the auxiliary vector. */
static void find_words(void)
{
    uint64_t *vector = note(NT_AUXV, "CORE"), at = 0, n = 0;

    for (int i = 0; vector[i]; i += 2)
        if (vector[i] == AT_EXECFN)
            at = vector[i + 1] & ~7ul;
    while (at && (saved_word(at) != vector[0] || saved_word(at + 8) != vector[1] || saved_word(at + 16) != vector[2]))
        at -= 8;
    for (at -= 16; saved_word(at); at -= 8)
        ;
    for (int i = 0; i < 255 && saved_word(at + 8 + 8 * (uint64_t)i); i++)
        environment[i] = saved_text(saved_word(at + 8 + 8 * (uint64_t)i));
    for (at -= 8; saved_word(at) != n; at -= 8)
        n++;
    for (uint64_t i = 0; i < n && i < 63; i++)
        arguments[i] = saved_text(saved_word(at + 8 + 8 * i));
}

static uint64_t peek(uint64_t address)
{
    uint64_t word = 0;
    struct iovec here = { &word, 8 }, there = { (void *)address, 8 };

    process_vm_readv(pid, &here, 1, &there, 1, 0);
    return word;
}

static void find_new_base(void)
{
    char line[600];
    snprintf(line, sizeof line, "/proc/%d/maps", pid);
    FILE *file = fopen(line, "r");

    new_base = *told_base;
    while (file && fgets(line, sizeof line, file) && !new_base)
        if (strstr(line, arguments[0]))
            new_base = strtoull(line, NULL, 16);
}

static void poke_nonces(void)
{
    static const char *const words[] = { "chain", "nonce_static", "nonce_of_thread" };
    static const char *const pointers[] = { "nonce_on_heap", "nonce_of_stack", "nonce_mapped" };
    struct elf_prstatus *status = note(NT_PRSTATUS, "CORE");
    struct user_regs_struct *old = (void *)status->pr_reg, now;
    uint64_t value, where;

    find_new_base();
    ptrace(PTRACE_GETREGS, pid, NULL, &now);
    for (int i = 0; i < 3; i++)
        if (saved(place(words[i], old_base, old->fs_base), &value, 8))
            ptrace(PTRACE_POKEDATA, pid, place(words[i], new_base, now.fs_base), value);
    for (int i = 0; i < 3; i++)
        if (saved(place(pointers[i], old_base, 0), &where, 8) && saved(where, &value, 8))
            ptrace(PTRACE_POKEDATA, pid, peek(place(pointers[i], new_base, 0)), value);
}

#ifndef UNTIL
#define UNTIL "gate 01 "
#endif

/* Each write of the new program becomes getpid(), and seems to have done its work. */
static void swallow_until_gate(void)
{
    struct user_regs_struct registers;
    struct __ptrace_syscall_info call;
    uint64_t skipped = 0;
    int status, at_gate = 0;

    while (waitpid(pid, &status, __WALL) > 0 && WIFSTOPPED(status)) {
        if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
            ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, &call);
            ptrace(PTRACE_GETREGS, pid, NULL, &registers);
            if (call.op == PTRACE_SYSCALL_INFO_ENTRY && call.entry.nr == SYS_write && call.entry.args[0] == 1) {
                uint64_t text = peek(registers.rsi);
                at_gate = !memcmp(&text, UNTIL, sizeof UNTIL - 1);
                skipped = registers.rdx;
                registers.orig_rax = SYS_getpid;
                ptrace(PTRACE_SETREGS, pid, NULL, &registers);
            } else if (call.op == PTRACE_SYSCALL_INFO_EXIT && skipped) {
                registers.rax = skipped;
                skipped = 0;
                ptrace(PTRACE_SETREGS, pid, NULL, &registers);
                if (at_gate)
                    return;
            }
        }
        ptrace(PTRACE_SYSCALL, pid, NULL, 0);
    }
    _exit(1);
}

#ifndef AT_GATE
#define AT_GATE()
#endif

#ifndef BECOME
#define BECOME() execve(arguments[0], arguments, environment)
#endif

int main(int argc, char **argv)
{
    int go[2], stop = argc == 3 && argv[1][0] != '-'; /* PROG CORE */
    char byte = 0;

    for (int i = 1; i < argc; i++) {
        stop |= !strcmp(argv[i], "--stop");
        if (!strcmp(argv[i], "--dry-run"))
            return 0;
    }
    if (stop)
        raise(SIGSTOP);
    image = whole(argv[argc - 1]);
    uint64_t *files = note(NT_FILE, "CORE");
    find_words();
    elf = whole(arguments[0]);
    old_base = files[2]; /* the first file is the program */
    told_base = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid = getpid();
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    if (pipe(go))
        return 71;
    int child = fork();
    if (child) {
        waitpid(child, NULL, 0);
        close(go[1]);
        if (read(go[0], &byte, 1) != 1)
            return 71;
        close(go[0]);
        BECOME();
        return 66;
    }
    if (fork() || ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACESYSGOOD))
        _exit(0);
    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
    waitpid(pid, NULL, __WALL);
    if (write(go[1], &byte, 1) != 1)
        _exit(1);
    ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
    swallow_until_gate();
    poke_nonces();
    AT_GATE();
    ptrace(PTRACE_DETACH, pid, NULL, NULL);
    _exit(0);
}
