/*
 * picture.h - draws address spaces side by side, as SVG or as text: of images, and of files in the format
 * of /proc/PID/maps.  For people.  Uses libc; not async-signal-safe.  Given.
 *
 *     picture.c         reads the files                          operands -> columns of areas
 *     picture_layout.c  joins areas if they are too many, and    columns  -> rows with a top and a bottom
 *                       finds out how high each must be
 *     picture_svg.c     draws the rows: SVG                      rows     -> stdout
 *     picture_text.c    draws the rows: lines of characters
 */
#ifndef CKPT_PICTURE_H
#define CKPT_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Draws each operand, FILE or TITLE=FILE, as one column.  Before its maps, a FILE may have lines as gdb's
 * `info registers rip rsp fs_base` prints them, in this order.  Returns an exit status of <sysexits.h>.
 */
int picture_draw(char *const operands[], size_t count, bool svg);

/* ---- What follows is for the picture_*.c only. ---- */

enum area_kind { AREA_PROGRAM, AREA_LIBRARY, AREA_FILE, AREA_HEAP, AREA_STACK, AREA_ANONYMOUS, AREA_CODE,
                 AREA_GUARD, AREA_KERNEL, AREA_KINDS };
extern const char *const area_kind_names[AREA_KINDS];

/* What an image has of an area. */
enum area_bytes { BYTES_UNKNOWN, BYTES_STORED, BYTES_FROM_FILE, BYTES_NONE, BYTES_KINDS };

/* One region, as it is drawn. */
struct area {
    uint64_t start, end;
    int prot;
    bool shared;
    enum area_kind kind;
    enum area_bytes bytes;
    char *name; /* malloc'ed */
};

/* Where a register points. */
struct mark {
    const char *name;
    uint64_t address;
};

#define MAX_MARKS 3

struct column {
    const char *title;
    struct area *areas; /* malloc'ed; in the order of addresses */
    size_t area_count;
    struct mark marks[MAX_MARKS]; /* in the order of addresses */
    size_t mark_count;
};

/* A box: one area, several that were joined, or a gap. */
struct row {
    const struct column *column;
    const struct area *areas;
    size_t area_count; /* 0: a gap, where nothing is mapped */
    uint64_t start, end;
    uint64_t size;            /* bytes, without the gaps inside */
    const struct mark *marks; /* those that point into it */
    size_t mark_count;
    int top, bottom;
};

struct drawing {
    struct column *columns;
    size_t column_count;
    struct row *rows;
    size_t row_count;
    int height;
};

/* How a picture wants its rows. */
struct layout_wish {
    size_t max_rows;                      /* of all columns; more are joined */
    bool join_files;                      /* one row for each file, even if there is room */
    int step;                             /* at least so much between different addresses */
    int (*height)(const struct row *row); /* at least so much for this row */
};

/*
 * Makes the rows.  The same address has the same height in all columns.  Returns 0 or EX_OSERR.
 */
int layout_make(struct drawing *drawing, const struct layout_wish *wish);

/* True if the area goes on with the file of the one before it, and touches it. */
bool layout_same_file(const struct column *column, const struct area *area);

/* Where a mark into `row` is drawn: in the row; or, if that is a gap, at what another column has there. */
const struct row *layout_row_at(const struct drawing *drawing, const struct row *row, uint64_t address);

/* True if areas of several files, or of none, were joined. */
bool layout_is_group(const struct row *row);

#define SIZE_ROOM 24

/* "4K", "1.3M", "47T": at most four characters. */
const char *layout_size(char to[SIZE_ROOM], uint64_t bytes);

/* The name without its folders; printable ASCII only; cut to what fits. */
const char *layout_name(char *to, size_t size, const char *name);

/* What a row shows: its name, or what was joined: "12 library, 30 anonymous". */
const char *layout_label(char *to, size_t size, const struct row *row);

/* Of which kind most bytes of a row are. */
enum area_kind layout_kind(const struct row *row);

int picture_svg(struct drawing *drawing);
int picture_text(struct drawing *drawing);

#endif
