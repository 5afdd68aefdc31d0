/* show_files.c - readckpt --files: the Open File Table of an image, as text (fdtext.h). */
#include "fdtext.h"
#include "files_plan.h"

void image_show_files(const struct image *image)
{
    static char line[4 * PATH_MAX + 256]; /* a name may double or quadruple: fdtext.h */
    size_t size;
    const struct open_file_table *table = image_note(image, IMAGE_NOTE_NAME, NOTE_FILES, sizeof *table, &size);
    const char *why = table == NULL ? "it has none: it is of an earlier stage" : files_check(table, size);
    if (why != NULL)
        errx(EX_DATAERR, "the image's Open File Table: %s", why);
    for (const struct open_file *file = table->files; file < table->files + table->count; file++) {
        if (image_show_home != NULL && image_show_home(image, file->fd))
            continue;
        if (fdtext_line(line, sizeof line, table, file) > 0)
            fputs(line, stdout);
    }
}
