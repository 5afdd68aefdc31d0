/* write-error-broken.c: BROKEN. -1 is added as if it were a number of bytes.
 *
 * The region has a part that even the kernel cannot read, as in write-error.c.
 * The loop goes one byte back at each error, writes that byte again, and so on
 * for ever: the program hangs and its image grows. Here it is stopped after 8 turns.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE ((size_t)sysconf(_SC_PAGESIZE)) /* 4096 bytes, nearly everywhere */

static char *region_with_a_hole(FILE *file)
{
    if (ftruncate(fileno(file), (off_t)PAGE) != 0)
        return MAP_FAILED;
    return mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, fileno(file), 0);
}

/* BROKEN: where is the look at rc < 0? */
static size_t save(int fd, const char *region, size_t size)
{
    size_t done = 0;

    for (int turn = 0; done < size && turn < 8; turn++) {
        ssize_t rc = write(fd, region + done, size - done);
        printf("%zu done, write returned %zd%s\n", done, rc, rc < 0 ? ": EFAULT" : "");
        done += (size_t)rc;
    }
    return done;
}

int main(void)
{
    FILE *file = tmpfile(), *image = tmpfile();
    char *region = file && image ? region_with_a_hole(file) : MAP_FAILED;

    if (region == MAP_FAILED)
        return 2;
    save(fileno(image), region, 2 * PAGE);
    printf("and so on, for ever; the image has %ld bytes by now\n",
           lseek(fileno(image), 0, SEEK_END));
    fclose(file);
    fclose(image);
    return 1;
}
