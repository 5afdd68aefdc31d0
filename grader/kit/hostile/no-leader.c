/* cause: sandbox-memory */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The first thread has ended, and looks like all of a process that has ended; the second takes 700 MiB. */
static int hog(void *nothing)
{
    size_t size = 700 << 20;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    usleep(300000);
    if (memory != MAP_FAILED)
        memset(memory, 'm', size);
    sleep(600);
    (void)nothing;
    return 0;
}

__attribute__((constructor)) static void attack(void)
{
    enum { VM = 0x100, FS = 0x200, FILES = 0x400, SIGHAND = 0x800, THREAD = 0x10000, SYSVSEM = 0x40000 };
    extern int clone(int (*)(void *), void *, int, void *, ...);
    char *stack = malloc(1 << 20);

    clone(hog, stack + (1 << 20), VM | FS | FILES | SIGHAND | THREAD | SYSVSEM, NULL);
    syscall(SYS_exit, 0);
}
