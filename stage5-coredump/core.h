/*
 * core.h - a core file (core(5)) as somebody else writes it: the kernel, gcore(1), gdb.
 *
 * It says less than an image of ours.  A file's pages that were not changed may be missing, in part or with
 * their PT_LOAD; nobody notes which regions are shared, where the heap ends, which signals are handled.
 * What is missing is taken from the files that NT_FILE names, from the auxiliary vector, and from the bytes of
 * memory itself.  Uses libc.
 */
#ifndef CKPT_CORE_H
#define CKPT_CORE_H

#include "image_read.h"

#include <sys/procfs.h>
#include <sys/user.h>

#define CORE_XSAVE_LAYOUT 0x205 /* NT_X86_XSAVE_LAYOUT; older headers lack it */

/* One mapping of a file, from NT_FILE. */
struct core_file {
    uint64_t start, end, offset; /* bytes */
    const char *name;
};

struct core {
    const char *path;
    int fd;
    uint64_t size; /* bytes in the file */
    Elf64_Phdr *segments;
    size_t segment_count;
    char *notes; /* malloc'ed: all PT_NOTEs, one after the other; the pointers below are to malloc'ed copies */
    size_t notes_size;
    const struct elf_prstatus *status; /* signal, pid, blocked signals */
    struct arch_core registers;
    const void *xstate; /* NT_X86_XSTATE, or NULL */
    size_t xstate_size;
    const uint32_t (*xlayout)[4]; /* NT_X86_XSAVE_LAYOUT (Linux 6.12): part, size, offset, flags; or NULL */
    size_t xlayout_count;
    const void *fpregs; /* NT_FPREGSET (512 bytes, fxsave), or NULL */
    const Elf64_auxv_t *auxv;
    size_t auxv_count;
    struct core_file *files; /* malloc'ed, ascending */
    size_t file_count;
    bool from_gdb; /* gdb or gcore wrote it */
};

/*
 * Opens and checks a core file.  Does not return if it is none, is truncated, is another machine's, or has
 * more than one thread: says so, and exits with 65 or 66.
 */
void core_open(struct core *core, const char *path);

/*
 * Says that `path` cannot be opened, by errno, and where this system's cores go (core(5)); exits with 66.
 * core_missing.c.
 */
__attribute__((noreturn)) void core_missing(const char *path);

/* The value of a type of the auxiliary vector (getauxval(3)), 0: there is none. */
uint64_t core_aux(const struct core *core, uint64_t type);

/*
 * Reads `size` bytes of the program's memory at `address`, as far as the core file itself has them.  False: it
 * does not have all.
 */
bool core_read(const struct core *core, uint64_t address, void *to, size_t size);

/* The file that a region of the program shows at `address`, or NULL. */
const struct core_file *core_file_at(const struct core *core, uint64_t address);

/* core_regions.c: regions under construction; ascending when they are finished. */
struct core_regions {
    struct image_region *regions;
    Elf64_Phdr *loads; /* of the same index: where the bytes are in the core */
    size_t count, room;
    char *names;
    size_t names_size;
};

/*
 * All that was mapped, as image->regions and so on: from the PT_LOADs, the files of NT_FILE, and, for [vdso] and
 * what belongs to it, from restart's own address space.  The program's file is taken from `program` (NULL: from
 * where it was).  Exits with a message if a file is missing or another one.
 */
void core_regions(const struct core *core, struct image *image, const char *program);

/* A part of the program's memory; empty: start == end. */
struct core_range {
    uint64_t start, end;
};

/*
 * core_random.c: where the state of getrandom(3) is, which no core has; empty: there is none, or it is not found.
 * And the note by which it becomes what it was, for a range that is one of the image's regions.
 */
struct core_range core_random(const struct core *core);
void core_random_note(struct image *image, struct core_range range);

/* core_files.c: fills the fields of the region that tell a file, after it was found to be the same; or exits. */
void core_identify(const struct core *core, struct image_region *region, const char *name);

/*
 * core_files.c: the protection that a mapping has at `offset` of its file, by the program headers of that file,
 * which is found under `name` now.
 */
uint32_t core_protection(const struct core *core, const struct core_file *file, const char *name, uint64_t offset);

/* core_state.c: the notes that an image has and a core has not, as far as they can be known (image_put_note()). */
void core_state(const struct core *core, struct image *image);

/*
 * core_arguments.c: fills start_stack and where arguments and environment are.  False: they are not found; then all
 * of these are the same address, and nothing lies between.
 */
bool core_arguments(const struct core *core, const struct image *image, struct prctl_mm_map *map);

/*
 * core_left_out.c: names the memory that is not in the core, as far as it can be told, and returns how many ranges
 * that are.  `text` is that of libsavefds, or NULL.  core_holes.c: the same for a core of gdb.
 */
int core_left_out(const struct core *core, const struct image *image, const char *text);
size_t core_holes(const struct core *core, const struct image *image);

/* core_shared.c: names the files that memory may no longer write to, and returns how many mappings that are. */
int core_shared(const struct core *core, const struct image *image);

/* core_vdso.c: a note about the vdso, by which a core of another kernel can go on. */
void core_vdso(const struct core *core, struct image *image);

/* core_locks.c: a note of the locks that were held, if any were. */
void core_locks(const struct core *core, struct image *image);

#endif
