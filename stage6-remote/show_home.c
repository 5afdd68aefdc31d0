/*
 * show_home.c - readckpt --files: the line of a descriptor that is open at home.
 *
 * In the image's own table it is an eventfd, which keeps the number taken; NOTE_REMOTE says what it stands for.
 */
#include "image_read.h"
#include "remote_life.h"

/* A name of another machine's: what a terminal would obey is not printed, nor what would end the line. */
static void show_name(const char *name, size_t size)
{
    for (size_t i = 0; i < size && name[i] != '\0'; i++) {
        bool control = (unsigned char)name[i] < ' ' || name[i] == 0x7f;
        putchar(control ? '?' : name[i]);
    }
}

bool image_show_home(const struct image *image, int fd)
{
    size_t size = 0;
    const struct image_remote *note = image_note(image, IMAGE_NOTE_NAME, NOTE_REMOTE, sizeof *note, &size);
    for (uint32_t i = 0; note != NULL && i < image_remote_count(note, size); i++) {
        const struct image_remote_file *file = &note->files[i];
        if (file->fd != fd)
            continue;
        printf("# %d : ", fd);
        show_name(file->path, sizeof file->path);
        printf(" : home : as %d%s\n", file->real, file->no_wait ? " nonblock" : "");
        return true;
    }
    return false;
}
