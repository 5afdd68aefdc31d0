/* program.c: nonces, hash chain and gates; see program.h.  Built with
 * -fno-stack-protector, and free of libc after start(), but for say(). */
#include "program.h"
#include "raw.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

#ifdef BARE
static uint64_t nonce_of_thread;
#else
static __thread uint64_t nonce_of_thread;
#endif
static uint64_t nonce_static = 1;
static uint64_t *nonce_on_heap, *nonce_of_stack, *nonce_mapped;
static uint64_t chain = 0x9e3779b97f4a7c15u;
static char gates[4096];

uint64_t draw(void)
{
    uint64_t value;
    if (getrandom(&value, sizeof value, 0) != sizeof value)
        abort();
    return value;
}

uint64_t mix(uint64_t a, uint64_t b)
{
    a = (a ^ b) * 0xff51afd7ed558ccdu;
    return a ^ a >> 32;
}

static void find_nonces(uint64_t *nonces[NONCES])
{
    nonces[0] = nonce_on_heap;
    nonces[1] = nonce_of_stack;
    nonces[2] = &nonce_static;
    nonces[3] = &nonce_of_thread;
    nonces[4] = nonce_mapped;
}

void start(uint64_t *on_stack)
{
    uint64_t *nonces[NONCES];
    const char *dir = getenv("CKPTLAB_GATES");

    if (dir && strlen(dir) < sizeof gates - 16)
        strcpy(gates, dir);
    nonce_of_stack = on_stack;
    nonce_on_heap = malloc(sizeof *nonce_on_heap);
    nonce_mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    find_nonces(nonces);
    for (int i = 0; i < NONCES; i++)
        *nonces[i] = draw();
    dprintf(1, "nonces %016lx %016lx %016lx %016lx %016lx\n", *nonces[0],
            *nonces[1], *nonces[2], *nonces[3], *nonces[4]);
}

/* The hash of the next line: over its text, then over every nonce, which
 * changes in turn. */
static uint64_t step(const char *text)
{
    uint64_t *nonces[NONCES];

    find_nonces(nonces);
    for (; *text; text++)
        chain = (chain ^ (unsigned char)*text) * 0x100000001b3u;
    for (int i = 0; i < NONCES; i++)
        chain = mix(chain, *nonces[i]);
    for (int i = 0; i < NONCES; i++)
        *nonces[i] = mix(*nonces[i], chain + (uint64_t)i);
    return chain;
}

const char *seal(const char *text, char *line, size_t size)
{
    uint64_t hash = step(text);
    size_t n = 0;

    while (*text && n < size - 20)
        line[n++] = *text++;
    line[n++] = ' ';
    line[n++] = '#';
    for (int shift = 60; shift >= 0; shift -= 4)
        line[n++] = "0123456789abcdef"[hash >> shift & 15];
    line[n++] = '\n';
    line[n] = '\0';
    return line;
}

/* Write all of it: a checkpoint signal may cut a write to a pipe short. */
static void put(const char *line, long left)
{
    while (left > 0) {
        long n = raw(SYS_write, 1, (long)line, left);
        if (n > 0)
            line += n, left -= n;
        else if (n != -4) /* EINTR */
            return;
    }
}

void say_text(const char *text)
{
    char line[1024];
    long n = 0;

    seal(text, line, sizeof line);
    while (line[n])
        n++;
    put(line, n);
}

void say(const char *format, ...)
{
    char text[900];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    say_text(text);
}

/* "WHAT NUMBER", without libc. */
void say_number(const char *what, unsigned number)
{
    char text[64];
    unsigned n = 0, unit = 1;

    while (*what && n < sizeof text - 16)
        text[n++] = *what++;
    text[n++] = ' ';
    while (number / unit >= 10)
        unit *= 10;
    for (; unit; unit /= 10)
        text[n++] = (char)('0' + number / unit % 10);
    text[n] = '\0';
    say_text(text);
}

const char *gate_path(int number)
{
    static char path[sizeof gates + 16];
    long n = 0;

    for (; gates[n]; n++)
        path[n] = gates[n];
    path[n++] = '/';
    path[n++] = (char)('0' + number / 10);
    path[n++] = (char)('0' + number % 10);
    path[n] = '\0';
    return path;
}

static void nap(long milliseconds)
{
    struct timespec time = { milliseconds / 1000,
                             milliseconds % 1000 * 1000000 };
    raw(SYS_nanosleep, (long)&time, 0, 0);
}

void gate(int number)
{
    char text[] = "gate 00";
    const char *path = gate_path(number);

    text[5] = (char)('0' + number / 10);
    text[6] = (char)('0' + number % 10);
    say_text(text);
    if (!gates[0])
        nap(2000); /* run by hand: time enough for kill -USR2 */
    else
        while (raw(SYS_faccessat, AT_FDCWD, (long)path, 0) != 0)
            nap(1);
}

/* The last line tells the exit status, which hangs on a nonce too. */
int finish(void)
{
    char text[] = "exit 00";
    int status = 1 + (int)(nonce_static % 60);

    text[5] = (char)('0' + status / 10);
    text[6] = (char)('0' + status % 10);
    say_text(text);
#ifdef BARE
    raw(SYS_exit_group, status, 0, 0); /* exit() needs thread-local data */
#endif
    return status;
}
