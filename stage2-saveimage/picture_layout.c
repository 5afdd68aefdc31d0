/*
 * picture_layout.c - from areas to rows: joins areas until the picture is small enough, and gives each row
 * a top and a bottom, so that the same address has the same height in all columns.
 */
#include "picture.h"
#include "arch.h"
#include "libc.h"

const char *const area_kind_names[AREA_KINDS] = {"program", "library", "other file", "heap", "stack",
                                                 "anonymous", "code", "guard", "kernel"};

bool layout_same_file(const struct column *column, const struct area *area)
{
    return area > column->areas && area[-1].end == area->start && area->name[0] == '/' &&
           strcmp(area[-1].name, area->name) == 0;
}

/* How much is joined. */
enum join_level {
    JOIN_NOTHING,
    JOIN_FILES,      /* the regions of one file that touch */
    JOIN_NAMELESS,   /* and anonymous memory and guards, with the gaps between, if these are small */
    JOIN_NEIGHBOURS, /* and files */
    JOIN_ALL,        /* and whatever it is, until few groups are left */
};

#define SMALL_GAP (1UL << 30)
#define MIN_GROUPS 16

/* How soon areas of a kind are joined with others: what one looks for comes last. */
static const enum join_level joined_from[AREA_KINDS] = {
    [AREA_PROGRAM] = JOIN_ALL,    [AREA_LIBRARY] = JOIN_NEIGHBOURS, [AREA_FILE] = JOIN_NEIGHBOURS,
    [AREA_HEAP] = JOIN_ALL,       [AREA_STACK] = JOIN_ALL,          [AREA_ANONYMOUS] = JOIN_NAMELESS,
    [AREA_CODE] = JOIN_ALL,       [AREA_GUARD] = JOIN_NAMELESS,     [AREA_KERNEL] = JOIN_ALL,
};

static bool has_mark(const struct column *column, uint64_t start, uint64_t end)
{
    for (size_t i = 0; i < column->mark_count; i++)
        if (column->marks[i].address >= start && column->marks[i].address < end)
            return true;
    return false;
}

/* Does the area belong to the row before it? */
static bool joins(const struct row *row, const struct area *area, enum join_level level)
{
    const struct column *column = row->column;
    const struct area *last = area - 1;
    if (level >= JOIN_FILES && layout_same_file(column, area))
        return true;
    if (level < JOIN_ALL)
        return level >= joined_from[last->kind] && level >= joined_from[area->kind] &&
               area->start - last->end < SMALL_GAP && !has_mark(column, row->start, area->end);
    return row->area_count <= column->area_count / MIN_GROUPS;
}

static struct row *add_row(struct drawing *drawing, const struct column *column, uint64_t start, uint64_t end)
{
    struct row *row = &drawing->rows[drawing->row_count++];
    *row = (struct row){.column = column, .start = start, .end = end, .size = end - start};
    return row;
}

/* One or two: what no program can map is not free. */
static void add_gap(struct drawing *drawing, const struct column *column, uint64_t start, uint64_t end)
{
    uint64_t border = start < ARCH_USER_END && end > ARCH_USER_END ? ARCH_USER_END : end;
    if (start < border)
        add_row(drawing, column, start, border);
    if (border < end)
        add_row(drawing, column, border, end);
}

/* The gaps are rows, too; a column reaches from address 0 to the end. */
static void make_rows(struct drawing *drawing, const struct column *column, enum join_level level)
{
    struct row *row = NULL;
    uint64_t at = 0;
    for (const struct area *area = column->areas; area < column->areas + column->area_count; area++) {
        if (row == NULL || !joins(row, area, level)) {
            add_gap(drawing, column, at, area->start);
            row = add_row(drawing, column, area->start, area->end);
            row->areas = area;
            row->size = 0;
        }
        row->area_count++;
        row->size += area->end - area->start;
        row->end = at = area->end;
    }
    if (at < ARCH_USER_END)
        add_gap(drawing, column, at, ARCH_USER_END);
}

static void find_marks(struct row *row)
{
    const struct mark *mark = row->column->marks, *end = mark + row->column->mark_count;
    while (mark < end && mark->address < row->start)
        mark++;
    for (row->marks = mark; mark < end && mark->address < row->end; mark++)
        row->mark_count++;
}

/* By the address of the end; then from left to right. */
static int compare_rows(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    if (a->end != b->end)
        return a->end < b->end ? -1 : 1;
    return a->column < b->column ? -1 : a->column > b->column;
}

/* The height of an address that is the end of some row, or 0: rows that end before `count` are placed. */
static int height_of(const struct drawing *drawing, size_t count, uint64_t address)
{
    while (count > 0 && drawing->rows[count - 1].end > address)
        count--;
    return count == 0 ? 0 : drawing->rows[count - 1].bottom;
}

/*
 * Places the rows, which are sorted by their ends.  An address is as low as the longest chain of rows
 * above it, from whatever column.  Since a row begins where another of its column ends, the height of its
 * start is known before its own end comes.
 */
static void place_rows(struct drawing *drawing, const struct layout_wish *wish)
{
    struct row *rows = drawing->rows;
    for (size_t i = 0, next; i < drawing->row_count; i = next) {
        int bottom = i == 0 ? 0 : rows[i - 1].bottom + wish->step;
        for (next = i; next < drawing->row_count && rows[next].end == rows[i].end; next++) {
            rows[next].top = height_of(drawing, i, rows[next].start);
            int wanted = rows[next].top + wish->height(&rows[next]);
            bottom = wanted > bottom ? wanted : bottom;
        }
        for (size_t k = i; k < next; k++)
            rows[k].bottom = bottom;
        drawing->height = bottom;
    }
}

int layout_make(struct drawing *drawing, const struct layout_wish *wish)
{
    size_t most = 0;
    for (size_t i = 0; i < drawing->column_count; i++)
        most += 2 * drawing->columns[i].area_count + 2;
    drawing->rows = calloc(most, sizeof *drawing->rows);
    if (drawing->rows == NULL) {
        warnx("out of memory");
        return EX_OSERR;
    }
    for (int level = wish->join_files ? JOIN_FILES : JOIN_NOTHING; level <= JOIN_ALL; level++) {
        drawing->row_count = 0;
        for (size_t i = 0; i < drawing->column_count; i++)
            make_rows(drawing, &drawing->columns[i], (enum join_level)level);
        if (drawing->row_count <= wish->max_rows)
            break;
    }
    for (size_t i = 0; i < drawing->row_count; i++)
        find_marks(&drawing->rows[i]);
    qsort(drawing->rows, drawing->row_count, sizeof *drawing->rows, compare_rows);
    place_rows(drawing, wish);
    return 0;
}

const char *layout_size(char to[SIZE_ROOM], uint64_t bytes)
{
    const char *unit = "KMGTPE";
    uint64_t tenths = bytes / 1024 * 10;
    for (; tenths >= 9995 && unit[1] != '\0'; unit++)
        tenths /= 1024;
    if (tenths < 100 && tenths % 10 != 0)
        snprintf(to, SIZE_ROOM, "%u.%u%c", (unsigned)tenths / 10, (unsigned)tenths % 10, *unit);
    else
        snprintf(to, SIZE_ROOM, "%u%c", (unsigned)(tenths + 5) / 10, *unit);
    return to;
}

const char *layout_name(char *to, size_t size, const char *name)
{
    const char *slash = strrchr(name, '/');
    size_t length = 0;
    if (name[0] == '/' && slash[1] != '\0')
        name = slash + 1;
    for (; *name != '\0' && length + 1 < size; name++)
        to[length++] = *name >= ' ' && *name <= '~' ? *name : '?';
    if (*name != '\0' && length > 1)
        to[length - 1] = '~';
    to[length] = '\0';
    return to;
}

const struct row *layout_row_at(const struct drawing *drawing, const struct row *row, uint64_t address)
{
    for (size_t i = 0; i < drawing->row_count && row->area_count == 0; i++)
        if (address >= drawing->rows[i].start && address < drawing->rows[i].end && drawing->rows[i].area_count > 0)
            return &drawing->rows[i];
    return row;
}

bool layout_is_group(const struct row *row)
{
    for (size_t i = 1; i < row->area_count; i++)
        if (!layout_same_file(row->column, &row->areas[i]))
            return true;
    return false;
}

const char *layout_label(char *to, size_t size, const struct row *row)
{
    size_t counts[AREA_KINDS] = {0}, length = 0;
    const struct area *first = row->areas;
    if (!layout_is_group(row))
        return layout_name(to, size, first->name[0] != '\0' ? first->name : area_kind_names[first->kind]);
    for (size_t i = 0; i < row->area_count; i++)
        counts[first[i].kind]++;
    for (int kind = 0; kind < AREA_KINDS && length < size; kind++)
        if (counts[kind] != 0)
            length += (size_t)snprintf(to + length, size - length, "%s%zu %s", length == 0 ? "" : ", ",
                                       counts[kind], area_kind_names[kind]);
    if (length >= size && size > 1)
        to[size - 2] = '~';
    return to;
}

enum area_kind layout_kind(const struct row *row)
{
    uint64_t sizes[AREA_KINDS] = {0};
    int most = 0;
    for (const struct area *area = row->areas; area < row->areas + row->area_count; area++)
        sizes[area->kind] += area->end - area->start;
    for (int kind = 1; kind < AREA_KINDS; kind++)
        if (sizes[kind] > sizes[most])
            most = kind;
    return (enum area_kind)most;
}
