/*
 * core_notes.c - what a kernel writes into a core file (fs/binfmt_elf.c, fill_note_info()), as
 * <sys/procfs.h> declares it.  Given, but for the registers.
 */
#include "core_notes.h"
#include "arch_registers.h"
#include "sys.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/procfs.h>

/* Reads a small file of /proc whole.  Returns its size, cut off at max, or -errno. */
static long read_file(const char *path, char *to, size_t max)
{
    long fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    long size = 0, n;
    while ((size_t)size < max && (n = sys_read((int)fd, to + size, max - (size_t)size)) != 0) {
        if (n == -EINTR)
            continue;
        if (n < 0) {
            size = n;
            break;
        }
        size += n;
    }
    sys_close((int)fd);
    return size;
}

static int add_registers(struct note_list *notes, const struct save_request *request)
{
    struct elf_prstatus *status = note_begin(notes, sizeof *status);
    if (status == NULL)
        return -ENOMEM;
    status->pr_cursig = (short)request->signal; /* gdb: "Program terminated with signal ..." */
    status->pr_info.si_signo = request->signal;
    status->pr_pid = (pid_t)sys_getpid();
    status->pr_ppid = (pid_t)sys_call(SYS_getppid, 0, 0, 0, 0);
    arch_core_registers((struct user_regs_struct *)&status->pr_reg, request->context);
    note_end(notes, IMAGE_CORE_NAME, NT_PRSTATUS, sizeof *status);
    return 0;
}

static int add_process_info(struct note_list *notes)
{
    struct elf_prpsinfo *info = note_begin(notes, sizeof *info);
    if (info == NULL)
        return -ENOMEM;
    info->pr_sname = 'R';
    info->pr_pid = (pid_t)sys_getpid();
    info->pr_ppid = (pid_t)sys_call(SYS_getppid, 0, 0, 0, 0);
    info->pr_uid = (unsigned)sys_call(SYS_getuid, 0, 0, 0, 0);
    info->pr_gid = (unsigned)sys_call(SYS_getgid, 0, 0, 0, 0);
    long n = read_file("/proc/self/comm", info->pr_fname, sizeof info->pr_fname - 1);
    if (n > 0)
        info->pr_fname[n - 1] = '\0'; /* instead of its newline */
    n = read_file("/proc/self/cmdline", info->pr_psargs, sizeof info->pr_psargs - 1);
    for (long i = 0; i < n - 1; i++)
        if (info->pr_psargs[i] == '\0')
            info->pr_psargs[i] = ' ';
    note_end(notes, IMAGE_CORE_NAME, NT_PRPSINFO, sizeof *info);
    return 0;
}

static int add_auxv(struct note_list *notes)
{
    char *auxv = note_begin(notes, 4096);
    if (auxv == NULL)
        return -ENOMEM;
    long size = read_file("/proc/self/auxv", auxv, 4096);
    if (size < 0)
        return (int)size;
    note_end(notes, IMAGE_CORE_NAME, NT_AUXV, (size_t)size);
    return 0;
}

/* NT_FILE: count, page size; then start, end, offset in pages of each; then the names. */
static int add_files(struct note_list *notes, const struct region_table *t)
{
    size_t max = (2 + 3 * t->count) * sizeof(uint64_t);
    for (size_t i = 0; i < t->count; i++)
        max += strlen(t->names + t->regions[i].name) + 1;
    uint64_t *words = note_begin(notes, max);
    if (words == NULL)
        return -ENOMEM;
    uint64_t count = 0;
    for (size_t i = 0; i < t->count; i++)
        count += (t->regions[i].flags & REGION_FILE) != 0;
    words[0] = count;
    words[1] = ARCH_PAGE_SIZE;
    uint64_t *word = words + 2;
    char *name = (char *)(word + 3 * count);
    for (size_t i = 0; i < t->count; i++) {
        const struct image_region *r = &t->regions[i];
        if (!(r->flags & REGION_FILE))
            continue;
        *word++ = r->start;
        *word++ = r->end;
        *word++ = r->offset / ARCH_PAGE_SIZE;
        size_t size = strlen(t->names + r->name) + 1;
        memcpy(name, t->names + r->name, size);
        name += size;
    }
    note_end(notes, IMAGE_CORE_NAME, NT_FILE, (size_t)(name - (char *)words));
    return 0;
}

int core_notes_add(struct note_list *notes, const struct save_request *request, const struct region_table *table)
{
    int error = add_registers(notes, request);
    if (error == 0)
        error = add_process_info(notes);
    if (error == 0)
        error = add_auxv(notes);
    if (error == 0)
        error = add_files(notes, table);
    return error;
}
