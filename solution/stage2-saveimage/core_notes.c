/*
 * core_notes.c - what a kernel writes into a core file (fs/binfmt_elf.c, fill_note_info()), as
 * <sys/procfs.h> declares it.  Given.
 */
#include "core_notes.h"
#include "arch_registers.h"
#include "procfile.h"
#include "sys.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/procfs.h>

static int add_registers(struct note_list *notes, const struct save_request *request)
{
    struct elf_prstatus *status = note_begin(notes, sizeof *status);
    if (status == NULL)
        return -ENOMEM;
    status->pr_cursig = (short)request->signal; /* gdb: "Program terminated with signal ..." */
    status->pr_info.si_signo = request->signal;
    status->pr_pid = (pid_t)sys_getpid();
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
    info->pr_uid = (unsigned)sys_call(SYS_getuid, 0, 0, 0, 0);
    info->pr_gid = (unsigned)sys_call(SYS_getgid, 0, 0, 0, 0);
    long n = procfile_read("/proc/self/comm", info->pr_fname, sizeof info->pr_fname);
    if (n > 0)
        info->pr_fname[n - 1] = '\0'; /* instead of its newline */
    n = procfile_read("/proc/self/cmdline", info->pr_psargs, sizeof info->pr_psargs);
    for (long i = 0; i < n - 1; i++) /* a '\0' ends each argument */
        if (info->pr_psargs[i] == '\0')
            info->pr_psargs[i] = ' ';
    note_end(notes, IMAGE_CORE_NAME, NT_PRPSINFO, sizeof *info);
    return 0;
}

static int add_auxv(struct note_list *notes)
{
    char *auxv = note_begin(notes, ARCH_PAGE_SIZE);
    long size = auxv == NULL ? -ENOMEM : procfile_read("/proc/self/auxv", auxv, ARCH_PAGE_SIZE);
    if (size < 0)
        return (int)size;
    note_end(notes, IMAGE_CORE_NAME, NT_AUXV, (size_t)size);
    return 0;
}

/* NT_FILE: count, page size; then start, end, offset in pages of each; then the names. */
static int add_files(struct note_list *notes, const struct region_table *t)
{
    size_t count = 0, names_size = 0;
    for (size_t i = 0; i < t->count; i++) {
        if (t->regions[i].flags & REGION_FILE) {
            count++;
            names_size += strlen(t->names + t->regions[i].name) + 1;
        }
    }
    size_t size = (2 + 3 * count) * sizeof(uint64_t) + names_size;
    uint64_t *word = note_begin(notes, size);
    if (word == NULL)
        return -ENOMEM;
    char *name = (char *)(word + 2 + 3 * count);
    *word++ = count;
    *word++ = ARCH_PAGE_SIZE;
    for (const struct image_region *r = t->regions; r < t->regions + t->count; r++) {
        if (!(r->flags & REGION_FILE))
            continue;
        *word++ = r->start;
        *word++ = r->end;
        *word++ = r->offset / ARCH_PAGE_SIZE;
        size_t name_size = strlen(t->names + r->name) + 1;
        memcpy(name, t->names + r->name, name_size);
        name += name_size;
    }
    note_end(notes, IMAGE_CORE_NAME, NT_FILE, size);
    return 0;
}

int core_notes_add(struct note_list *notes, const struct save_request *request, const struct region_table *table)
{
    int error = add_registers(notes, request);
    if (error == 0)
        error = add_process_info(notes);
    if (error == 0)
        error = add_auxv(notes);
    return error != 0 ? error : add_files(notes, table);
}
