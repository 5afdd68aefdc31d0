/* picture_text.c - draws the rows as lines of ASCII, at most 100 columns wide: for terminals and documents. */
#include "picture.h"
#include "arch.h"
#include "libc.h"

enum { WIDTH = 100, MOST_SIDE_BY_SIDE = 3, ADDRESS = 12 };

/* The lines of a drawing, one behind the other, all of the same width. */
struct canvas {
    char *cells;
    int width, cell_width; /* characters in a line, and in a column's part of it */
};

static int row_height(const struct row *row)
{
    return 1 + (int)row->mark_count;
}

/* Writes text to a place, without its '\0'. */
static void put(struct canvas *canvas, int line, int at, const char *text)
{
    memcpy(canvas->cells + (size_t)line * (size_t)canvas->width + at, text, strlen(text));
}

/* '#': stored in the image; '/': mapped again from its file; ' ': neither, or not known. */
static char bytes_letter(const struct row *row)
{
    uint64_t stored = 0, file = 0;
    for (size_t i = 0; i < row->area_count; i++) {
        uint64_t size = row->areas[i].end - row->areas[i].start;
        stored += row->areas[i].bytes == BYTES_STORED ? size : 0;
        file += row->areas[i].bytes == BYTES_FROM_FILE ? size : 0;
    }
    return stored == 0 && file == 0 ? ' ' : stored >= file ? '#' : '/';
}

/* The content of a box of so many characters: "#counting    20K". */
static void describe(char *to, int width, const struct row *row)
{
    char label[WIDTH], size[SIZE_ROOM];
    layout_size(size, row->size);
    if (row->area_count == 0)
        snprintf(to, WIDTH, "  %s", row->start >= ARCH_USER_END ? "kernel's half" : "");
    if (row->area_count == 0 && row->start < ARCH_USER_END)
        snprintf(to, WIDTH, "%*s free", width / 2, size);
    if (row->area_count > 0)
        snprintf(to, WIDTH, "%c%-*s %4s", bytes_letter(row), width - 6,
                 layout_label(label, (size_t)width - 5, row), size);
}

/* A line of a box: "  7ffff7fc8000 |#[vdso]        8K|".  The address is left out where `inside` is NULL. */
static void put_line(struct canvas *canvas, int line, int left, uint64_t address, char side, const char *inside)
{
    char text[WIDTH + 1];
    int width = canvas->cell_width - ADDRESS - 3;
    int length = snprintf(text, sizeof text, "%*lx", ADDRESS, address);
    if (length > ADDRESS) /* the kernel's half */
        length = snprintf(text, sizeof text, "~%011lx", address & 0xfffffffffffUL);
    if (inside == NULL)
        length = snprintf(text, sizeof text, "%*s", ADDRESS, "");
    snprintf(text + length, sizeof text - (size_t)length, " %c%-*.*s%c", side, width, width,
             inside == NULL ? "" : inside, side);
    put(canvas, line, left, text);
}

/* The line of the i-th mark: below its row's first line, and one line for each. */
static int mark_line(const struct drawing *drawing, const struct row *row, size_t i)
{
    const struct row *there = layout_row_at(drawing, row, row->marks[i].address);
    int first = row->top + 1 + (int)i, last = row->bottom - (int)(row->mark_count - i);
    int wanted = there->top + (there->mark_count > 0);
    return wanted < first ? first : wanted > last ? last : wanted;
}

static void put_row(const struct drawing *drawing, struct canvas *canvas, const struct row *row, int left)
{
    char inside[WIDTH], side = row->area_count > 0 ? '|' : ':';
    describe(inside, canvas->cell_width - ADDRESS - 3, row);
    put_line(canvas, row->top, left, row->start, side, inside);
    for (int line = row->top + 1; line < row->bottom; line++)
        put_line(canvas, line, left, 0, side, NULL);
    for (size_t i = 0; i < row->mark_count; i++) {
        snprintf(inside, sizeof inside, "   <- %s", row->marks[i].name);
        put_line(canvas, mark_line(drawing, row, i), left, row->marks[i].address, side, inside);
    }
}

static void print_canvas(const struct canvas *canvas, int lines)
{
    for (int line = 0; line < lines; line++) {
        const char *text = canvas->cells + (size_t)line * (size_t)canvas->width;
        int length = canvas->width;
        while (length > 0 && text[length - 1] == ' ')
            length--;
        printf("%.*s\n", length, text);
    }
}

static void print_titles(const struct drawing *drawing, const struct canvas *canvas)
{
    char title[WIDTH];
    for (size_t i = 0; i < drawing->column_count; i++) {
        bool last = i + 1 == drawing->column_count;
        int width = canvas->cell_width - ADDRESS - 1;
        layout_name(title, (size_t)width + 1, drawing->columns[i].title);
        printf("%*s %-*s%s", ADDRESS, "", last ? 0 : width, title, last ? "\n" : " ");
    }
}

/* Columns that stand side by side. */
static int print_band(struct drawing *drawing)
{
    static const struct layout_wish wish = {.max_rows = 130, .join_files = true, .height = row_height};
    int status = layout_make(drawing, &wish), count = (int)drawing->column_count;
    int cell = count == 1 ? 56 : (WIDTH - (count - 1)) / count;
    struct canvas canvas = {.width = count * (cell + 1), .cell_width = cell};
    if (status != 0)
        return status;
    size_t size = (size_t)drawing->height * (size_t)canvas.width;
    canvas.cells = malloc(size);
    if (canvas.cells == NULL)
        return EX_OSERR;
    memset(canvas.cells, ' ', size);
    for (const struct row *row = drawing->rows; row < drawing->rows + drawing->row_count; row++)
        put_row(drawing, &canvas, row, (int)(row->column - drawing->columns) * (cell + 1));
    print_titles(drawing, &canvas);
    print_canvas(&canvas, drawing->height);
    free(canvas.cells);
    return 0;
}

int picture_text(struct drawing *drawing)
{
    int status = 0;
    bool image = false;
    for (size_t i = 0; i < drawing->column_count && status == 0; i += MOST_SIDE_BY_SIDE) {
        size_t left = drawing->column_count - i;
        struct drawing band = {.columns = drawing->columns + i,
                               .column_count = left < MOST_SIDE_BY_SIDE ? left : MOST_SIDE_BY_SIDE};
        if (i > 0)
            putchar('\n');
        status = print_band(&band);
        free(band.rows);
    }
    for (size_t i = 0; i < drawing->column_count; i++)
        image |= drawing->columns[i].areas->bytes != BYTES_UNKNOWN;
    if (status == 0 && image)
        puts("\n#: stored in the image   /: mapped again from its file");
    return status;
}
