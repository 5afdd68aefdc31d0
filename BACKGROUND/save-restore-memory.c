/* save-restore-memory.c: memory goes to a file, is spoilt, and comes back.
 *
 * The region holds a pointer into itself. Since the bytes come back at the same
 * address, the pointer is right again, and nobody had to know that it was there.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SIZE = 16 * 4096 };
static const char image[] = "saved-memory.tmp";

struct note {
    char *text; /* points into the same region */
    char room[40];
};

static int save(const char *region)
{
    int fd = open(image, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ssize_t done = write(fd, region, SIZE); /* enough for 64 KiB; see short-write.c */
    return close(fd) == 0 && done == SIZE ? 0 : -1;
}

static int restore(char *region)
{
    int fd = open(image, O_RDONLY);
    ssize_t done = read(fd, region, SIZE);
    unlink(image);
    return close(fd) == 0 && done == SIZE ? 0 : -1;
}

int main(void)
{
    struct note *note =
        mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (note == MAP_FAILED)
        return 2;
    note->text = strcpy(note->room, "remember me");
    printf("at first:         text = %p \"%s\"\n", (void *)note->text, note->text);
    if (save((char *)note) != 0)
        return 2;

    memset(note, 0xee, SIZE);
    printf("after scribbling: text = %p\n", (void *)note->text);

    if (restore((char *)note) != 0)
        return 2;
    printf("after restoring:  text = %p \"%s\"\n", (void *)note->text, note->text);
    return strcmp(note->text, "remember me") != 0;
}
