/* vdso_stubs.c - runs what a bridge has for each function that a kernel lacks: arch_vdso.h of stage 3. */
#include "arch_vdso.h"

#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

typedef long (*function)(long a, long b, long c, long d, long e);

static function stub(const char *name, uint64_t here)
{
    static uint8_t *next;
    if (next == NULL)
        next = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint8_t *code = next;
    size_t size = arch_vdso_bridge(code, name, here);
    next += ARCH_VDSO_CODE;
    if (size > ARCH_VDSO_CODE)
        printf("too large: %s\n", name);
    return size == 0 ? NULL : (function)code;
}

static long five(long a, long b, long c, long d, long e)
{
    return a + 10 * b + 100 * c + 1000 * d + 10000 * e;
}

int main(void)
{
    struct timespec t = {0, 0}, step = {0, 0};
    unsigned cpu = ~0U, node = ~0U;
    long day[2] = {0, 0}, now = 0;
    char bytes[8] = "";
    printf("clock_gettime %ld", stub("clock_gettime", 0)(CLOCK_REALTIME, (long)&t, 0, 0, 0));
    printf(" gettimeofday %ld", stub("gettimeofday", 0)((long)day, 0, 0, 0, 0));
    long answer = stub("time", 0)((long)&now, 0, 0, 0, 0);
    printf(" time %d", answer == now);
    printf(" the same %d\n", now - t.tv_sec <= 1 && now - day[0] <= 1 && now > 1700000000);
    printf("clock_getres %ld", stub("clock_getres", 0)(CLOCK_REALTIME, (long)&step, 0, 0, 0));
    printf(" %ld", step.tv_nsec);
    printf(" getcpu %ld", stub("getcpu", 0)((long)&cpu, (long)&node, 0, 0, 0));
    printf(" %d\n", cpu < 4096 && node < 4096);
    printf("wrong clock %ld\n", stub("clock_gettime", 0)(-1, (long)&t, 0, 0, 0));
    printf("getrandom %ld %ld", stub("getrandom", 1)((long)bytes, sizeof bytes, 0, 0, 0),
           stub("getrandom", 1)(0, 0, 0, (long)bytes, -1));
    printf(" enclave %ld\n", stub("sgx_enter_enclave", 0)(0, 0, 0, 0, 0));
    printf("unknown %d known %ld\n", stub("anything", 0) == NULL, stub("anything", (uint64_t)five)(1, 2, 3, 4, 5));
    return 0;
}
