/* share-offset-broken.c: BROKEN. Two descriptors for one file are opened again, each by its path.
 *
 * Each open() makes an open file description of its own, and that is where the
 * offset is. Both have the right offset, at first. But the first write() moves only
 * its own, and the second writes over what the first has written.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define NAME "share-offset.out"

static void put(int fd, const char *text)
{
    if (write(fd, text, 4) != 4)
        perror(NAME);
}

static void show(void)
{
    char text[64] = "";
    int fd = open(NAME, O_RDONLY);

    if (read(fd, text, sizeof text - 1) < 0)
        perror(NAME);
    printf("the file has: %s\n", text);
    close(fd);
}

int main(void)
{
    int out = open(NAME, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int copy = dup(out);

    put(out, "AAAA");
    put(copy, "BBBB");
    show();

    /* The process goes, and comes back. It had noted path, offset and flags of each. */
    off_t offset = lseek(out, 0, SEEK_CUR), copy_offset = lseek(copy, 0, SEEK_CUR);
    close(out);
    close(copy);
    out = open(NAME, O_WRONLY);
    lseek(out, offset, SEEK_SET);
    copy = open(NAME, O_WRONLY); /* BROKEN: another open file description, with an offset of its own */
    lseek(copy, copy_offset, SEEK_SET);

    put(out, "CCCC");
    put(copy, "DDDD");
    show();
    unlink(NAME);
    return 0;
}
