/* readckpt - checks a checkpoint image and shows what is in it, for people. */
#include "arch_core.h"
#include "image_doctor.h"
#include "image_read.h"
#include "no_image.h"
#include "picture.h"
#include "region_print.h"

#include <sys/procfs.h>
#include <sys/sysmacros.h>

static const char usage[] =
    "Usage: readckpt [--regions] [--registers] [--notes] [--files] IMAGE\n"
    "       readckpt --check IMAGE | --against PID IMAGE | --svg|--draw [TITLE=]FILE... | --platform [IMAGE]\n"
    "Check a checkpoint image and show what is in it; without an option: each kind of state.\n\n"
    "  -m, --regions    the regions, like /proc/PID/maps (save: stored; file: mapped again from its file)\n"
    "  -r, --registers  the registers at the checkpoint, and the region that each points into\n"
    "  -n, --notes      all notes: owner, type, size\n"
    "  -f, --files      the Open File Table, as text that restart -f reads (from stage 4 on)\n"
    "  --platform       the machine that the image needs, or this one, in a line to be compared (from stage 3 on)\n"
    "  --check          all that is wrong with its form, in words, even if it is no valid image\n"
    "  --against PID    compare it with a stopped process, region by region and byte by byte\n"
    "  --svg            draw the address spaces of images, or of files like /proc/PID/maps, side by side, as SVG\n"
    "  --draw           the same as text\n"
    "  -h, --help       this text\n\n"
    "Exit status: 0 the image is valid (equal); 64 wrong usage; 65 it is not, and why; 66 it cannot be\n"
    "opened; 74 standard output cannot be written.\n";

/* What became of the region, in the words of readmaps. */
static enum region_plan stored_as(const struct image_region *r)
{
    if (r->flags & REGION_KERNEL)
        return PLAN_KERNEL;
    return r->flags & REGION_STORED ? PLAN_SAVE : r->flags & REGION_FILE ? PLAN_FILE : PLAN_GUARD;
}

static void show_regions(const struct image *image)
{
    for (const struct image_region *r = image->regions; r < image->regions + image->region_count; r++) {
        struct region view = {.start = r->start, .end = r->end, .offset = r->offset, .inode = r->inode,
                              .dev_major = major(r->device), .dev_minor = minor(r->device), .prot = (int)r->prot,
                              .shared = r->flags & REGION_SHARED, .name = image->names + r->name};
        region_print(region_plan_name(stored_as(r)), &view);
    }
}

static void show_registers(const struct image *image)
{
    struct arch_core core;
    if (!image_registers(image, &core))
        errx(EX_DATAERR, "no NT_PRSTATUS note: gdb will find no registers");
    for (size_t i = 0; i < ARCH_REGISTER_COUNT; i++) {
        uint64_t value = *(const uint64_t *)((const char *)&core + arch_registers[i].offset);
        const struct image_region *r = image_region_at(image, value);
        const char *name = r == NULL ? "" : image->names + r->name;
        printf("%-8s 0x%016lx%s%s\n", arch_registers[i].name, value, r == NULL ? "" : "  in ",
               r != NULL && *name == '\0' ? "anonymous memory" : name);
    }
}

static void show_notes(const struct image *image)
{
    struct image_note note;
    for (uint64_t at = 0; image_next_note(image, &at, &note);)
        printf("%s 0x%08x %8zu bytes\n", note.name, note.type, note.size);
}

/* Each part of this build describes its own note; others are named, so that nothing is hidden. */
static void show_part(const struct image_note *note)
{
    for (const struct part *const *part = all_parts; *part != NULL; part++)
        if ((*part)->type == note->type) {
            printf("%s:\n", (*part)->name);
            (*part)->describe(printf, note->value, note->size);
            return;
        }
    printf("note 0x%x: %zu bytes, of a later stage's part\n", note->type, note->size);
}

static void show_summary(const struct image *image)
{
    const struct elf_prpsinfo *info = image_note(image, IMAGE_CORE_NAME, NT_PRPSINFO, sizeof *info, NULL);
    uint64_t memory = 0, stored = 0;
    struct image_note note;
    for (size_t i = 0; i < image->region_count; i++) {
        memory += image->loads[i].p_memsz / 1024;
        stored += image->loads[i].p_filesz / 1024;
    }
    printf("program: %.80s (pid %u)\n", info != NULL ? info->pr_psargs : "?", image->header->pid);
    printf("regions: %zu, %luK; stored in the image: %luK\n", image->region_count, memory, stored);
    printf("context:\n  ucontext_t at 0x%lx, setcontext() at 0x%lx\n", image->context->ucontext,
           image->context->setcontext);
    for (uint64_t at = 0; image_next_note(image, &at, &note);)
        if (strcmp(note.name, IMAGE_NOTE_NAME) == 0 && note.type > NOTE_CONTEXT)
            show_part(&note);
    printf("the image is valid (format version %u)\n", image->header->version);
}

/* What was asked for, by the letters of its options; if nothing was, a summary. */
static void show(const struct image *image, const bool *asked)
{
    if (asked['m'])
        show_regions(image);
    if (asked['r'])
        show_registers(image);
    if (asked['n'])
        show_notes(image);
    if (asked['f'])
        image_show_files(image);
    if (asked['p'])
        platform_show(image);
    if (!asked['m'] && !asked['r'] && !asked['n'] && !asked['f'] && !asked['p'])
        show_summary(image);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"regions", 0, NULL, 'm'}, {"registers", 0, NULL, 'r'}, {"notes", 0, NULL, 'n'}, {"files", 0, NULL, 'f'},
        {"check", 0, NULL, 'c'}, {"against", 1, NULL, 'a'}, {"svg", 0, NULL, 's'}, {"draw", 0, NULL, 'd'},
        {"platform", 0, NULL, 'p'}, {"help", 0, NULL, 'h'}, {0}};
    bool asked['s' + 1] = {false};
    int option, status;
    const char *pid = "";
    while ((option = getopt_long(argc, argv, "mrnfh", options, NULL)) != -1) {
        if (option == 'h' || option == '?')
            usage_exit(usage, option == 'h');
        asked[option] = true;
        pid = option == 'a' ? optarg : pid;
    }
    if ((asked['s'] || asked['d']) && optind < argc)
        return picture_draw(argv + optind, (size_t)(argc - optind), asked['s']);
    if ((asked['f'] && image_show_files == NULL) || (asked['p'] && platform_show == NULL))
        errx(EX_USAGE, "--files comes with stage 4, --platform comes with stage 3");
    if (asked['p'] && optind == argc) {
        platform_show(NULL);
        return output_status(0);
    }
    if (optind != argc - 1 || (asked['a'] && atoi(pid) <= 0))
        usage_exit(usage, false);
    if (asked['c'] || asked['a'])
        return asked['c'] ? doctor_check(argv[optind]) : doctor_compare(argv[optind], atoi(pid));
    struct image image;
    if ((status = image_open(&image, argv[optind])) != 0)
        no_image_exit(status, argv[optind], image.why);
    show(&image, asked);
    image_close(&image);
    return output_status(0);
}
