/* share-offset.c: of two descriptors that shared an offset, one is opened, and the other duplicated.
 *
 * Whether they share one cannot be seen from path, offset and flags: kcmp(2) tells.
 */
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <sys/syscall.h>
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

    /* The process goes, and comes back. It had noted who shares an open file description. */
    pid_t pid = getpid();
    int shared = syscall(SYS_kcmp, pid, pid, KCMP_FILE, out, copy) == 0;
    off_t offset = lseek(out, 0, SEEK_CUR), copy_offset = lseek(copy, 0, SEEK_CUR);
    close(out);
    close(copy);
    out = open(NAME, O_WRONLY);
    lseek(out, offset, SEEK_SET);
    copy = shared ? dup(out) : open(NAME, O_WRONLY);
    lseek(copy, copy_offset, SEEK_SET);

    put(out, "CCCC");
    put(copy, "DDDD");
    show();
    unlink(NAME);
    return 0;
}
