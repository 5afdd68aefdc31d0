/*
 * stubs_memory.c - mmap(2) of a file at home: memory of our own, with the file's bytes.
 *
 * What others write to the file later does not show (mmap(2) leaves that open for MAP_PRIVATE); what the program
 * writes does not reach it, so a shared mapping that can be written to is ENODEV, as for a file system that has
 * none.
 */
#include "remote_table.h"
#include "syscall_stubs.h"

/* Reads the file's bytes to `to`; behind its end there are zeros.  0 or -errno. */
static long fill(long real, char *to, size_t size, long offset)
{
    size_t done = 0;
    while (done < size) {
        size_t piece = size - done < FRAME_DATA ? size - done : FRAME_DATA;
        long arguments[CALL_ARGUMENTS] = {real, (long)(to + done), (long)piece, further(offset, done)};
        long n = remote_pread64(arguments, 0);
        if (n <= 0)
            return n == -EBADF ? -EACCES : n; /* not open for reading */
        done += (size_t)n;
    }
    return 0;
}

long stub_mmap(struct trap *trap)
{
    long *a = trap->arguments, flags = a[3];
    const struct remote_file *file = table_find((int)a[4]);
    if ((flags & MAP_ANONYMOUS) || file == NULL)
        return remote_call_owns((int)a[4]) ? -EBADF : CALL_LOCAL;
    if ((flags & MAP_TYPE) != MAP_PRIVATE && (a[2] & PROT_WRITE))
        return -ENODEV;
    if (a[1] <= 0 || (uint64_t)a[5] % ARCH_PAGE_SIZE != 0)
        return -EINVAL;
    int kind = (int)(flags & ~(MAP_TYPE | MAP_POPULATE)) | MAP_PRIVATE | MAP_ANONYMOUS;
    long at = sys_mmap((uint64_t)a[0], (size_t)a[1], PROT_READ | PROT_WRITE, kind, -1, 0);
    if (sys_failed(at))
        return at;
    long error = fill(file->real, (char *)at, (size_t)a[1], a[5]); // NOLINT
    if (error == 0)
        error = sys_mprotect((uint64_t)at, (size_t)a[1], (int)a[2]);
    if (error != 0)
        sys_munmap((uint64_t)at, (size_t)a[1]);
    return error != 0 ? error : at;
}
