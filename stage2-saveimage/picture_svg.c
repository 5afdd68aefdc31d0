/*
 * picture_svg.c - draws the rows as SVG (https://www.w3.org/TR/SVG11/).  One unit is one pixel on a screen.
 *
 *     ADDRESS     BOX                      MARK
 *     |555555554000+-+----------------------+        |
 *     |            |#|r-xp   4K counting    |<- rip  |     # says what the image has of these bytes
 *     |555555555000+-+----------------------+        |
 */
#include "picture.h"
#include "arch.h"
#include "libc.h"

enum { ADDRESS = 96, BOX = 212, MARK = 112, COLUMN = ADDRESS + BOX + MARK, MARGIN = 14, HEAD = 40, LINE = 14,
       BAR = 8, SAMPLE = 250, LEGEND = 24 };

/* The colours that people of all kinds of sight can tell apart (Okabe and Ito 2008), light ones for large areas. */
static const char *const colours[AREA_KINDS] = {"#f0a830", "#8cc8ee", "#d9a3c4", "#2fb58c", "#f4ea68",
                                                "#e3e3e3", "#ee7f3c", "#ffffff", "#a9a6d8"};
static const char *const kind_words[AREA_KINDS] = {
    "program", "library", "other file", "[heap]", "[stack]", "anonymous memory",
    "code without a file (the restorer)", "guard: no access", "the kernel's"};
static const char *const bytes_words[BYTES_KINDS] = {"", "stored in the image", "mapped again from its file",
                                                     "not stored"};

static const char *const bytes_fills[BYTES_KINDS] = {"", "#222222", "url(#file)", "#ffffff"};

/* Inside text and attributes. */
static void put_escaped(const char *s)
{
    for (; *s != '\0'; s++) {
        switch (*s) {
        case '<': fputs("&lt;", stdout); break;
        case '>': fputs("&gt;", stdout); break;
        case '&': fputs("&amp;", stdout); break;
        case '"': fputs("&quot;", stdout); break;
        default: putchar(*s);
        }
    }
}

static void put_text(int x, int y, const char *class, const char *s)
{
    printf("<text x=\"%d\" y=\"%d\" class=\"%s\">", x, y, class);
    put_escaped(s);
    puts("</text>");
}

static void put_box(int x, int y, int width, int height, const char *fill)
{
    printf("<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\"/>\n", x, y, width, height, fill);
}

static int log2_of(uint64_t value)
{
    return value == 0 ? 0 : 63 - __builtin_clzl(value);
}

/* A line of text at least; and more, as the logarithm of the size grows. */
static int row_height(const struct row *row)
{
    int size = log2_of(row->size / ARCH_PAGE_SIZE);
    int height = row->area_count > 0 ? LINE + 3 * size / 2 : LINE + 4 + size / 2;
    int marks = (int)row->mark_count * LINE;
    return height > marks ? height : marks;
}

/* What a reader sees who points at the box. */
static void put_tooltip(const struct row *row)
{
    const struct area *a = row->areas;
    char name[400];
    printf("<title>%lx-%lx ", row->start, row->end);
    if (row->area_count == 1)
        printf("%c%c%c%c ", a->prot & PROT_READ ? 'r' : '-', a->prot & PROT_WRITE ? 'w' : '-',
               a->prot & PROT_EXEC ? 'x' : '-', a->shared ? 's' : 'p');
    else if (row->area_count > 1)
        printf("%zu regions: ", row->area_count);
    if (row->area_count > 0)
        put_escaped(layout_label(name, sizeof name, row));
    puts("</title>");
}

/* The bar at the left: how much of the row is stored, how much comes from files, and how much is neither. */
static void put_bar(const struct row *row, int x)
{
    uint64_t sizes[BYTES_KINDS] = {0}, done = 0;
    int height = row->bottom - row->top, y = 0;
    for (size_t i = 0; i < row->area_count; i++)
        sizes[row->areas[i].bytes] += row->areas[i].end - row->areas[i].start;
    for (int kind = BYTES_STORED; kind < BYTES_KINDS; kind++) {
        done += sizes[kind];
        int end = (int)((__uint128_t)done * (unsigned)height / row->size);
        if (end > y && sizes[kind] != 0)
            put_box(x, row->top + y, BAR, end - y, bytes_fills[kind]);
        y = end > y ? end : y;
    }
}

/* The marks of a row share its height; one into a gap stands beside what other columns have there. */
static void put_marks(const struct drawing *drawing, const struct row *row, int x)
{
    for (int i = 0; i < (int)row->mark_count; i++) {
        const struct row *there = layout_row_at(drawing, row, row->marks[i].address);
        int count = there == row ? (int)row->mark_count : 1, number = there == row ? i : 0;
        int y = there->top + (there->bottom - there->top) * (2 * number + 1) / (2 * count);
        char text[40];
        snprintf(text, sizeof text, "%s %lx", row->marks[i].name, row->marks[i].address);
        printf("<g class=\"mark\">\n<path d=\"M%d %dl8 -4v8z\"/>\n", x, y);
        put_text(x + 11, y + 4, "m", text);
        puts("</g>");
    }
}

/* Permissions, if it is one region; size; name, if it is the first region of its file. */
static void put_words(const struct row *row, int x)
{
    const struct area *a = row->areas;
    char text[40], size[SIZE_ROOM];
    bool one = row->area_count == 1, group = layout_is_group(row);
    snprintf(text, sizeof text, "%c%c%c%c", a->prot & PROT_READ ? 'r' : '-', a->prot & PROT_WRITE ? 'w' : '-',
             a->prot & PROT_EXEC ? 'x' : '-', a->shared ? 's' : 'p');
    if (one)
        put_text(x, row->top + 11, "t", text);
    put_text(group ? x + 24 : x + 56, row->top + 11, "s", layout_size(size, row->size));
    if (!one || !layout_same_file(row->column, a))
        put_text(group ? x + 32 : x + 64, row->top + 11, "t", layout_label(text, group ? 29 : 23, row));
}

static void put_area(const struct row *row, int x)
{
    put_box(x, row->top, BOX, row->bottom - row->top, colours[layout_kind(row)]);
    if (layout_kind(row) == AREA_GUARD)
        put_box(x, row->top, BOX, row->bottom - row->top, "url(#guard)");
    if (row->areas->bytes != BYTES_UNKNOWN)
        put_bar(row, x);
    put_words(row, x + BAR + 4);
}

static void put_gap(const struct row *row, int x)
{
    char text[40], size[SIZE_ROOM];
    snprintf(text, sizeof text, row->start >= ARCH_USER_END ? "the kernel's half" : "%s free",
             layout_size(size, row->size));
    printf("<path class=\"gap\" d=\"M%d %dV%dM%d %dV%d\"/>\n", x, row->top, row->bottom, x + BOX,
           row->top, row->bottom);
    put_text(x + BOX / 2, (row->top + row->bottom) / 2 + 4, "f", text);
}

static void put_row(const struct drawing *drawing, const struct row *row, int left)
{
    char address[24];
    int x = left + ADDRESS;
    printf("<g class=\"%s\">\n", row->area_count == 0 ? "free" : row->area_count == 1 ? "region" : "regions");
    put_tooltip(row);
    if (row->area_count == 0)
        put_gap(row, x);
    else
        put_area(row, x);
    snprintf(address, sizeof address, "%lx", row->start);
    put_text(x - 5, row->top + 4, "a", address);
    put_marks(drawing, row, x + BOX);
    puts("</g>");
}

/* The frame around regions of one file that touch: the row is the first of them. */
static void put_frame(const struct drawing *drawing, const struct row *first, int left)
{
    const struct area *end = first->areas + first->area_count;
    int bottom = first->bottom;
    if (first->area_count == 0 || layout_same_file(first->column, first->areas))
        return;
    for (const struct row *row = first + 1; row < drawing->rows + drawing->row_count; row++)
        if (row->areas == end && row->area_count > 0 && layout_same_file(row->column, row->areas)) {
            bottom = row->bottom;
            end += row->area_count;
        }
    printf("<rect class=\"frame\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n", left + ADDRESS, first->top,
           BOX, bottom - first->top);
}

static void put_column_head(const struct column *column, int left)
{
    char title[52], text[80], size[SIZE_ROOM], kept[SIZE_ROOM];
    uint64_t bytes = 0, stored = 0;
    for (const struct area *a = column->areas; a < column->areas + column->area_count; a++) {
        bytes += a->end - a->start;
        stored += a->bytes == BYTES_STORED ? a->end - a->start : 0;
    }
    int length = snprintf(text, sizeof text, "%zu regions, %s", column->area_count, layout_size(size, bytes));
    if (column->areas->bytes != BYTES_UNKNOWN)
        snprintf(text + length, sizeof text - (size_t)length, "; stored in the image: %s",
                 layout_size(kept, stored));
    put_text(left + ADDRESS, -24, "h", layout_name(title, sizeof title, column->title));
    put_text(left + ADDRESS, -10, "n", text);
}

static void put_column(const struct drawing *drawing, const struct column *column, int left)
{
    uint64_t end = 0;
    char address[24];
    puts("<g class=\"column\">");
    put_column_head(column, left);
    for (const struct row *row = drawing->rows; row < drawing->rows + drawing->row_count; row++) {
        if (row->column != column)
            continue;
        put_row(drawing, row, left);
        end = row->end;
    }
    for (const struct row *row = drawing->rows; row < drawing->rows + drawing->row_count; row++)
        if (row->column == column)
            put_frame(drawing, row, left);
    snprintf(address, sizeof address, "%lx", end);
    put_text(left + ADDRESS - 5, drawing->height + 4, "a", address);
    puts("</g>");
}

static bool has_kind(const struct drawing *drawing, int kind)
{
    for (const struct column *c = drawing->columns; c < drawing->columns + drawing->column_count; c++)
        for (const struct area *a = c->areas; a < c->areas + c->area_count; a++)
            if ((int)a->kind == kind || (int)a->bytes + AREA_KINDS == kind)
                return true;
    return false;
}

static int picture_width(const struct drawing *drawing)
{
    return (int)drawing->column_count * COLUMN + MARGIN;
}

static int samples_per_line(const struct drawing *drawing)
{
    return (picture_width(drawing) - ADDRESS) / SAMPLE;
}

/* What occurs in the picture, each with its colour. */
static void put_legend(const struct drawing *drawing, int y)
{
    int number = 0, per_line = samples_per_line(drawing);
    puts("<g class=\"legend\">");
    for (int kind = 0; kind < AREA_KINDS + BYTES_KINDS; kind++) {
        bool area = kind < AREA_KINDS;
        int x = ADDRESS + number % per_line * SAMPLE, top = y + number / per_line * 17;
        if (kind == AREA_KINDS + BYTES_UNKNOWN || !has_kind(drawing, kind))
            continue;
        put_box(x, top, area ? 16 : BAR, 11,
                kind == AREA_GUARD ? "url(#guard)" : area ? colours[kind] : bytes_fills[kind - AREA_KINDS]);
        put_text(x + 22, top + 9, "n", area ? kind_words[kind] : bytes_words[kind - AREA_KINDS]);
        number++;
    }
    y += (number + per_line - 1) / per_line * 17;
    put_text(ADDRESS, y + 12, "n", drawing->column_count == 1 ? "Heights grow with the logarithm of the size." :
             "Heights grow with the logarithm of the size. In all columns the same address is at the same height.");
    puts("</g>");
}

static const char style[] =
    "<style>text{font:10px 'DejaVu Sans Mono',Menlo,Consolas,monospace;fill:#000}"
    ".a{text-anchor:end;font-size:9px;fill:#444}.m{font-size:9px;fill:#a3004f}.mark path{fill:#a3004f}"
    ".s{text-anchor:end}.f{text-anchor:middle;fill:#666}.gap{stroke:#999;stroke-dasharray:2 3;fill:none}"
    ".h{font-size:13px;font-weight:bold}"
    ".n{font-family:'DejaVu Sans',Helvetica,Arial,sans-serif}rect{stroke:#555;stroke-width:.5}"
    ".frame{fill:none;stroke:#000;stroke-width:1.3}</style>\n"
    "<defs><pattern id=\"file\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\"><path d=\"M0 0h4v4h-4z\" "
    "fill=\"#fff\"/><path d=\"M0 4L4 0\" stroke=\"#222\"/></pattern><pattern id=\"guard\" width=\"8\" height=\"8\" "
    "patternUnits=\"userSpaceOnUse\"><path d=\"M0 0h8v8h-8z\" fill=\"#fff\"/><path d=\"M0 8L8 0M0 0L8 8\" "
    "stroke=\"#ccc\"/></pattern></defs>";

/* The size of the whole comes first, so the legend's samples are counted here. */
static void put_start(const struct drawing *drawing)
{
    int kinds = 0, width = picture_width(drawing), per_line = samples_per_line(drawing);
    for (int kind = 0; kind < AREA_KINDS + BYTES_KINDS; kind++)
        kinds += kind != AREA_KINDS + BYTES_UNKNOWN && has_kind(drawing, kind);
    int height = HEAD + drawing->height + LEGEND + (kinds + per_line - 1) / per_line * 17 + LEGEND;
    printf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 %d %d %d\">\n", width,
           height, -HEAD, width, height);
    puts(style);
    printf("<path fill=\"#fff\" d=\"M0 %dh%dv%dh-%dz\"/>\n", -HEAD, width, height, width);
}

int picture_svg(struct drawing *drawing)
{
    const struct layout_wish wish = {.max_rows = 50 + 30 * drawing->column_count, .step = 2, .height = row_height};
    int status = layout_make(drawing, &wish);
    if (status != 0)
        return status;
    put_start(drawing);
    for (size_t i = 0; i < drawing->column_count; i++)
        put_column(drawing, &drawing->columns[i], (int)i * COLUMN);
    put_legend(drawing, drawing->height + LEGEND);
    puts("</svg>");
    return 0;
}
