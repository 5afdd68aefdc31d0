/* picture.c - reads the files that are to be drawn: images, and files in the format of /proc/PID/maps. */
#include "picture.h"
#include "arch_core.h"
#include "image_read.h"
#include "maps.h"
#include "libc.h"

/* The registers that are drawn, and what they are called in a picture. */
static const struct {
    const char *name, *shown;
} marked[MAX_MARKS] = {
    {ARCH_CODE_NAME, ARCH_CODE_NAME}, {ARCH_STACK_NAME, ARCH_STACK_NAME}, {ARCH_TLS_NAME, "TLS"}};

static int complain(int status, const char *file, const char *why)
{
    warnx("%s: %s", file, why);
    return status;
}

/* What one line of maps tells; the files are told apart by find_programs(). */
static enum area_kind kind_of(const struct area *area)
{
    if (starts_with(area->name, "[vvar") || starts_with(area->name, "[vdso") || starts_with(area->name, "[vsys"))
        return AREA_KERNEL;
    if (starts_with(area->name, "[stack"))
        return AREA_STACK;
    if (strcmp(area->name, "[heap]") == 0)
        return AREA_HEAP;
    if (area->name[0] == '/')
        return AREA_FILE;
    if (area->prot == PROT_NONE)
        return AREA_GUARD;
    return area->prot & PROT_EXEC ? AREA_CODE : AREA_ANONYMOUS;
}

static bool is_shared_object(const char *name)
{
    const char *end = strstr(name, ".so");
    while (end != NULL && end[3] != '\0' && end[3] != '.' && end[3] != ' ')
        end = strstr(end + 1, ".so");
    return end != NULL;
}

/* All neighbours of the i-th area that show the same file are of this kind, too. */
static void set_file_kind(struct column *column, size_t i, enum area_kind kind)
{
    const char *name = column->areas[i].name;
    while (i > 0 && strcmp(column->areas[i - 1].name, name) == 0)
        i--;
    for (; i < column->area_count && strcmp(column->areas[i].name, name) == 0; i++)
        column->areas[i].kind = kind;
}

/* A file with code is a library; the first that is not called so is the program. */
static void find_programs(struct column *column)
{
    bool found = false;
    for (size_t i = 0; i < column->area_count; i++) {
        struct area *area = &column->areas[i];
        if (area->kind != AREA_FILE || !(area->prot & PROT_EXEC))
            continue;
        bool program = !found && !is_shared_object(area->name);
        found |= program;
        set_file_kind(column, i, program ? AREA_PROGRAM : AREA_LIBRARY);
    }
}

/* Adds an area; its name is copied.  0, EX_DATAERR if it is out of order, or EX_OSERR. */
static int add_area(struct column *column, struct area area)
{
    if (column->area_count > 0 && area.start < column->areas[column->area_count - 1].end)
        return EX_DATAERR;
    if ((column->area_count & (column->area_count - 1)) == 0) { /* a power of two: it is full */
        size_t room = column->area_count == 0 ? 1 : 2 * column->area_count;
        struct area *more = realloc(column->areas, room * sizeof *more);
        if (more == NULL)
            return EX_OSERR;
        column->areas = more;
    }
    area.name = strdup(area.name);
    if (area.name == NULL)
        return EX_OSERR;
    area.kind = kind_of(&area);
    column->areas[column->area_count++] = area;
    return 0;
}

/* Keeps the marks in the order of their addresses.  Address 0 is no place. */
static void add_mark(struct column *column, const char *name, uint64_t address)
{
    size_t i = column->mark_count;
    if (address == 0 || i == MAX_MARKS)
        return;
    for (; i > 0 && column->marks[i - 1].address > address; i--)
        column->marks[i] = column->marks[i - 1];
    column->marks[i] = (struct mark){name, address};
    column->mark_count++;
}

static enum area_bytes bytes_in_image(const struct image_region *region)
{
    if (region->flags & REGION_STORED)
        return BYTES_STORED;
    return region->flags & REGION_FILE ? BYTES_FROM_FILE : BYTES_NONE;
}

static void read_image_marks(struct column *column, const struct image *image)
{
    struct arch_core core;
    bool there = image_registers(image, &core);
    for (size_t i = 0; there && i < MAX_MARKS; i++) {
        for (size_t k = 0; k < ARCH_REGISTER_COUNT; k++) {
            uint64_t value;
            memcpy(&value, (const char *)&core + arch_registers[k].offset, sizeof value);
            if (strcmp(arch_registers[k].name, marked[i].name) == 0)
                add_mark(column, marked[i].shown, value);
        }
    }
}

static int read_image(struct column *column, const char *file)
{
    struct image image;
    int status = image_open(&image, file);
    if (status != 0)
        return complain(status, file, image.why);
    for (size_t i = 0; i < image.region_count && status == 0; i++) {
        const struct image_region *r = &image.regions[i];
        status = add_area(column, (struct area){.start = r->start, .end = r->end, .prot = (int)r->prot,
                                                .shared = r->flags & REGION_SHARED, .bytes = bytes_in_image(r),
                                                .name = (char *)image.names + r->name});
    }
    read_image_marks(column, &image);
    image_close(&image);
    return status == 0 ? 0 : complain(status, file, "cannot be drawn");
}

/* The lines of `info registers`, if there are any.  Leaves the descriptor of f behind them. */
static void read_text_marks(struct column *column, FILE *f)
{
    char format[32];
    long behind = 0;
    for (size_t i = 0; i < MAX_MARKS; i++) {
        uint64_t value;
        snprintf(format, sizeof format, " %s 0x%%" SCNx64 "%%*[^\n] ", marked[i].name);
        if (fscanf(f, format, &value) != 1)
            break;
        add_mark(column, marked[i].shown, value);
        behind = ftell(f);
    }
    lseek(fileno(f), behind, SEEK_SET);
}

/* Returns 0, or an exit status; *error gets what maps_next() returned. */
static int read_regions(struct column *column, struct maps_reader *reader, int *error)
{
    struct region r;
    while ((*error = maps_next(reader, &r)) == 1) {
        int status = add_area(column, (struct area){.start = r.start, .end = r.end, .prot = r.prot,
                                                    .shared = r.shared, .name = (char *)r.name});
        if (status != 0)
            return status;
    }
    return *error == 0 || *error == -EINVAL || *error == -ENAMETOOLONG ? 0 : EX_NOINPUT;
}

static int read_maps(struct column *column, const char *file, FILE *f)
{
    static char line_buffer[MAPS_BUFFER_SIZE];
    struct maps_reader reader;
    char why[80];
    int error;
    read_text_marks(column, f);
    maps_start(&reader, fileno(f), line_buffer, sizeof line_buffer);
    int status = read_regions(column, &reader, &error);
    if (status == EX_NOINPUT || status == EX_OSERR)
        return complain(status, file, status == EX_OSERR ? "out of memory" : strerror(-error));
    snprintf(why, sizeof why, "not an image, and line %lu is not one of /proc/PID/maps%s", reader.line,
             status != 0 ? " in the order of addresses" : "");
    if (status != 0 || error != 0)
        return complain(EX_DATAERR, file, why);
    return column->area_count > 0 ? 0 : complain(EX_DATAERR, file, "no region in it (is stage 1's parser done?)");
}

/* TITLE=FILE, unless a file has that whole name. */
static const char *split_operand(char *operand, struct column *column)
{
    char *equals = strchr(operand, '=');
    column->title = operand;
    if (equals == NULL || access(operand, F_OK) == 0)
        return operand;
    *equals = '\0';
    return equals + 1;
}

static int read_column(struct column *column, char *operand)
{
    char magic[SELFMAG] = "";
    const char *file = split_operand(operand, column);
    FILE *f = fopen(file, "re");
    if (f == NULL)
        return complain(EX_NOINPUT, file, strerror(errno));
    bool elf = fread(magic, sizeof magic, 1, f) == 1 && memcmp(magic, ELFMAG, SELFMAG) == 0;
    rewind(f);
    int status = elf ? read_image(column, file) : read_maps(column, file, f);
    fclose(f);
    find_programs(column);
    return status;
}

static void free_drawing(struct drawing *drawing)
{
    for (size_t i = 0; i < drawing->column_count; i++) {
        for (size_t k = 0; k < drawing->columns[i].area_count; k++)
            free(drawing->columns[i].areas[k].name);
        free(drawing->columns[i].areas);
    }
    free(drawing->columns);
    free(drawing->rows);
}

int picture_draw(char *const operands[], size_t count, bool svg)
{
    struct drawing drawing = {.columns = calloc(count, sizeof *drawing.columns), .column_count = count};
    if (drawing.columns == NULL)
        return complain(EX_OSERR, operands[0], "out of memory");
    int status = 0;
    for (size_t i = 0; i < count && status == 0; i++)
        status = read_column(&drawing.columns[i], operands[i]);
    if (status == 0)
        status = svg ? picture_svg(&drawing) : picture_text(&drawing);
    free_drawing(&drawing);
    return status == 0 ? output_status(0) : status;
}
