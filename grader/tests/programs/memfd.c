/* memfd.c: a file in memory with a hole and seals, opened twice. */
#define _GNU_SOURCE
#include "program.h"
#include "raw.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static void tell(const char *name, int fd)
{
    char link[64], path[128] = "", text[32] = "";
    long at = (long)lseek(fd, 0, SEEK_CUR), size = (long)lseek(fd, 0, SEEK_END);

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    readlink(link, path, sizeof path - 1);
    pread(fd, text, 5, 0);
    say("%s: %s flags %x cloexec %d seals %x", name, path, fcntl(fd, F_GETFL) & ~LARGE_FILE,
        fcntl(fd, F_GETFD), fcntl(fd, F_GET_SEALS));
    say("%s: %s at %ld of %ld", name, text, at, size);
}

int main(void)
{
    START();
    char end[4] = "";
    int plain = memfd_create("my memory", MFD_CLOEXEC);
    int sealed = memfd_create("sealed", MFD_ALLOW_SEALING);
    int reader, fixed = memfd_create("fixed", MFD_ALLOW_SEALING);

    write(plain, "hello, memory", 13);
    pwrite(plain, "end", 3, 8 << 20);
    reader = open("/proc/self/fd/3", O_RDONLY);
    lseek(reader, 7, SEEK_SET);
    write(sealed, "fixed", 5);
    fcntl(sealed, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL);
    write(fixed, "stone", 5);
    fcntl(fixed, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW);
    gate(1);
    tell("plain", plain);
    tell("reader", reader);
    tell("sealed", sealed);
    tell("fixed", fixed);
    pread(reader, end, 3, 8 << 20);
    say("its %s", end);
    pwrite(plain, "HEL", 3, 0);
    pread(reader, end, 3, 0);
    say("through the one, and through the other: %s", end);
    say("write to the sealed one: %d", (int)pwrite(sealed, "F", 1, 0));
    return finish();
}
