/* write-error.c: what a loop around write() does with an error. It stops and says so.
 *
 * The kernel itself cannot read some memory, although /proc/self/maps says "r".
 * [vvar] is such a region. Here it is the second page of a mapping of a file that
 * has only one page: the first page is written, the second is EFAULT.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE ((size_t)sysconf(_SC_PAGESIZE)) /* 4096 bytes, nearly everywhere */

static char *region_with_a_hole(FILE *file)
{
    if (ftruncate(fileno(file), (off_t)PAGE) != 0)
        return MAP_FAILED;
    return mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, fileno(file), 0);
}

/* How many bytes were saved? Fewer than size: errno says why. */
static size_t save(int fd, const char *region, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t rc = write(fd, region + done, size - done);
        printf("%zu done, write returned %zd%s\n", done, rc, rc < 0 ? ": EFAULT" : "");
        if (rc < 0 && errno != EINTR)
            break;
        done += rc > 0 ? (size_t)rc : 0;
    }
    return done;
}

int main(void)
{
    FILE *file = tmpfile(), *image = tmpfile();
    char *region = file && image ? region_with_a_hole(file) : MAP_FAILED;

    if (region == MAP_FAILED)
        return 2;
    size_t done = save(fileno(image), region, 2 * PAGE);
    printf("saved %zu of %zu bytes: %s\n", done, 2 * PAGE, strerror(errno));
    fclose(file);
    fclose(image);
    return done != PAGE;
}
