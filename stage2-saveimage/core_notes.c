/*
 * core_notes.c - what a kernel writes into a core file (fs/binfmt_elf.c, fill_note_info()), as
 * <sys/procfs.h> declares it.  Given.
 */
#include "core_notes.h"
#include "arch_registers.h"

#include <sys/procfs.h>

static void add_registers(struct note_list *notes, const struct save_request *request)
{
    struct elf_prstatus *status = note_begin(notes);
    status->pr_cursig = (short)request->signal; /* gdb: "Program terminated with signal ..." */
    status->pr_info.si_signo = request->signal;
    status->pr_pid = (pid_t)sys_getpid();
    arch_core_registers((struct user_regs_struct *)&status->pr_reg, request->context);
    note_end(notes, IMAGE_CORE_NAME, NT_PRSTATUS, sizeof *status);
}

static void add_process_info(struct note_list *notes)
{
    struct elf_prpsinfo *info = note_begin(notes);
    info->pr_sname = 'R';
    info->pr_pid = (pid_t)sys_getpid();
    info->pr_uid = (unsigned)sys_call(SYS_getuid, 0, 0, 0, 0);
    info->pr_gid = (unsigned)sys_call(SYS_getgid, 0, 0, 0, 0);
    sys_call(SYS_prctl, PR_GET_NAME, (long)info->pr_fname, 0, 0);
    long n = procfile_read("/proc/self/cmdline", info->pr_psargs, sizeof info->pr_psargs);
    for (long i = 0; i < n - 1; i++) /* a '\0' ends each argument */
        if (info->pr_psargs[i] == '\0')
            info->pr_psargs[i] = ' ';
    note_end(notes, IMAGE_CORE_NAME, NT_PRPSINFO, sizeof *info);
}

/* NT_FILE: count, page size; then start, end, offset in pages of each; then the names. */
static void add_files(struct note_list *notes, const struct region_table *t)
{
    uint64_t count = 0, *first = note_begin(notes), *word = first + 2;
    for (size_t i = 0; i < t->count; i++)
        count += (t->regions[i].flags & REGION_FILE) != 0;
    char *name = (char *)(word + 3 * count);
    for (const struct image_region *r = t->regions; r < t->regions + t->count; r++) {
        if (!(r->flags & REGION_FILE))
            continue;
        *word++ = r->start;
        *word++ = r->end;
        *word++ = r->offset / ARCH_PAGE_SIZE;
        name += text_join(name, PATH_MAX, t->names + r->name, NULL) + 1;
    }
    first[0] = count;
    first[1] = ARCH_PAGE_SIZE;
    note_end(notes, IMAGE_CORE_NAME, NT_FILE, (size_t)(name - (char *)first));
}

void core_notes_add(struct note_list *notes, const struct save_request *request, const struct region_table *table)
{
    add_registers(notes, request);
    note_tls(notes);
    add_process_info(notes);
    long size = procfile_read("/proc/self/auxv", note_begin(notes), ARCH_PAGE_SIZE);
    if (size > 0)
        note_end(notes, IMAGE_CORE_NAME, NT_AUXV, (size_t)size);
    add_files(notes, table);
}
