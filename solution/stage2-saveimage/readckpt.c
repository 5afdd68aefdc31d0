/* readckpt - shows what is in a checkpoint image, for people; and verifies it. */
#include "arch_registers.h"
#include "image_read.h"
#include "part.h"
#include "region_print.h"
#include "regions.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] =
    "Usage: readckpt [--regions] [--registers] [--notes] IMAGE\n"
    "Check a checkpoint image and show what is in it.\n"
    "\n"
    "  -m, --regions    the regions, one line each, like /proc/PID/maps (save: its bytes are stored;\n"
    "                   file: mapped again from its file; guard, kernel: nothing to store)\n"
    "  -r, --registers  the registers at the checkpoint\n"
    "  -n, --notes      all notes: owner, type, size\n"
    "  -h, --help       this text\n"
    "\n"
    "Without an option: a summary, with each kind of state that was saved.\n"
    "Exit status: 0 the image is valid; 64 wrong usage; 65 it is not, and why; 66 it cannot be opened.\n";

/* What became of the region, in the words of readmaps. */
static const char *region_word(const struct image_region *r)
{
    if (r->flags & REGION_KERNEL)
        return region_plan_name(PLAN_KERNEL);
    if (r->flags & REGION_STORED)
        return region_plan_name(PLAN_SAVE);
    return region_plan_name(r->flags & REGION_FILE ? PLAN_FILE : PLAN_GUARD);
}

static void show_regions(struct out *o, const struct image *image)
{
    for (size_t i = 0; i < image->region_count; i++) {
        struct region view = region_view(&image->regions[i], image->names);
        region_print(o, region_word(&image->regions[i]), &view);
    }
}

static void show_registers(struct out *o, const struct image *image)
{
    struct elf_prstatus status;
    const void *note = image_note(image, IMAGE_CORE_NAME, NT_PRSTATUS, sizeof status, NULL);
    if (note == NULL) {
        out_printf(o, "no NT_PRSTATUS note: gdb will find no registers\n");
        return;
    }
    memcpy(&status, note, sizeof status);
    for (size_t i = 0; i < ARCH_REGISTER_COUNT; i++) {
        uint64_t value;
        memcpy(&value, (const char *)&status.pr_reg + arch_registers[i].offset, sizeof value);
        const struct image_region *r = image_region_at(image, value);
        out_printf(o, "%-8s 0x%016lx%s%s\n", arch_registers[i].name, value, r != NULL ? "  in " : "",
                   r == NULL ? "" : image->names[r->name] != '\0' ? image->names + r->name : "anonymous memory");
    }
}

static void show_notes(struct out *o, const struct image *image)
{
    struct image_note note;
    for (uint64_t at = 0; image_next_note(image, &at, &note);)
        out_printf(o, "%s 0x%08x %8lu bytes\n", note.name, note.type, note.size);
}

/* Each part of this build describes its own note; others are counted, so that nothing is hidden. */
static void show_parts(struct out *o, const struct image *image)
{
    struct image_note note;
    for (uint64_t at = 0; image_next_note(image, &at, &note);) {
        size_t i = 0;
        if (strcmp(note.name, IMAGE_NOTE_NAME) != 0 || note.type <= NOTE_REGIONS)
            continue;
        while (all_parts[i] != NULL && all_parts[i]->type != note.type)
            i++;
        if (all_parts[i] == NULL) {
            out_printf(o, "note 0x%x: %lu bytes that this readckpt does not know (a later stage's does)\n", note.type, note.size);
            continue;
        }
        out_printf(o, "%s:\n", all_parts[i]->name);
        all_parts[i]->describe(o, note.value, note.size);
    }
}

static void show_summary(struct out *o, const struct image *image)
{
    const struct elf_prpsinfo *info = image_note(image, IMAGE_CORE_NAME, NT_PRPSINFO, sizeof *info, NULL);
    uint64_t memory = 0, stored = 0;
    size_t stored_count = 0;
    for (size_t i = 0; i < image->region_count; i++) {
        memory += image->loads[i].p_memsz;
        stored += image->loads[i].p_filesz;
        stored_count += image->loads[i].p_filesz > 0;
    }
    if (info != NULL)
        out_printf(o, "program: %s (pid %u)\n", info->pr_psargs, image->header->pid);
    out_printf(o, "regions: %lu, ", image->region_count);
    size_print(o, memory);
    out_printf(o, "; stored: %lu, ", stored_count);
    size_print(o, stored);
    out_printf(o, "\n");
    show_parts(o, image);
    out_printf(o, "the image is valid (format version %u)\n", image->header->version);
}

static int show(const char *path, bool regions, bool registers, bool notes)
{
    struct image image;
    struct out o;
    int status = image_open(&image, path);
    if (status != 0) {
        fprintf(stderr, "readckpt: %s: %s\n", path, image.why);
        return status;
    }
    out_init(&o, STDOUT_FILENO);
    if (regions)
        show_regions(&o, &image);
    if (registers)
        show_registers(&o, &image);
    if (notes)
        show_notes(&o, &image);
    if (!regions && !registers && !notes)
        show_summary(&o, &image);
    image_close(&image);
    if (out_flush(&o) != 0) {
        fprintf(stderr, "readckpt: standard output: %s\n", strerror(o.error));
        return EX_IOERR;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"regions", no_argument, NULL, 'm'}, {"registers", no_argument, NULL, 'r'},
                                            {"notes", no_argument, NULL, 'n'}, {"help", no_argument, NULL, 'h'}, {0}};
    bool regions = false, registers = false, notes = false;
    int option;
    while ((option = getopt_long(argc, argv, "mrnh", options, NULL)) != -1) {
        switch (option) {
        case 'm': regions = true; break;
        case 'r': registers = true; break;
        case 'n': notes = true; break;
        case 'h': fputs(usage, stdout); return 0;
        default: fputs(usage, stderr); return EX_USAGE;
        }
    }
    if (optind != argc - 1) {
        fputs(usage, stderr);
        return EX_USAGE;
    }
    return show(argv[optind], regions, registers, notes);
}
