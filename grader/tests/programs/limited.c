/* limited.c: from gate 1 to gate 2 this program can write no file larger than
 * 64 KiB: the disk is full, as far as it can tell. */
#include "program.h"

#include <sys/resource.h>

static void limit_files(rlim_t size)
{
    struct rlimit limit;

    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = size == RLIM_INFINITY ? limit.rlim_max : size;
    setrlimit(RLIMIT_FSIZE, &limit);
}

int main(void)
{
    START();
    gate(1);
    limit_files(65536);
    gate(2);
    limit_files(RLIM_INFINITY);
    gate(3);
    return finish();
}
