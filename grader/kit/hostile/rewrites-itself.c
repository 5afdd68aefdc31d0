/* cause: harmless */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* After the build, its own program would be another one, which nobody compiled. */
__attribute__((constructor)) static void attack(void)
{
    char path[4096] = "", other[4200];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

    if (n <= 0)
        return;
    snprintf(other, sizeof other, "%s.new", path);
    if (open(other, O_CREAT | O_WRONLY, 0755) >= 0 || rename(path, other) == 0 || unlink(path) == 0) {
        fprintf(stderr, "ESCAPED: changed the folder of %s\n", path);
        _exit(99);
    }
}
