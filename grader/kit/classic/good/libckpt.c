/* libckpt.c: on SIGUSR2, write registers and memory to the file myckpt; then go on. */
#define _GNU_SOURCE
#include "image.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <asm/prctl.h>

#define LINE 8192 /* a path has 4,095 bytes at most */

struct reader {
    int fd;
    size_t have, at;
    char buffer[4096];
};

struct region {
    struct region_header header;
    int of_kernel;
};

static ucontext_t context;
static volatile int is_restart;
static struct range restart_place;
static int *tid_address;
static char line[LINE], zeros[PAGE];
static struct reader maps;

static int next_byte(struct reader *r)
{
    if (r->at == r->have) {
        ssize_t n = read(r->fd, r->buffer, sizeof r->buffer);
        if (n <= 0)
            return -1;
        r->have = (size_t)n, r->at = 0;
    }
    return (unsigned char)r->buffer[r->at++];
}

/* The next line of the maps; 0 at the end. */
static int next_line(void)
{
    size_t n = 0;
    int c = next_byte(&maps);

    for (; c >= 0 && c != '\n' && n < sizeof line - 1; c = next_byte(&maps))
        line[n++] = (char)c;
    line[n] = '\0';
    return n > 0;
}

static const char *hex(const char *p, uint64_t *value)
{
    for (*value = 0; *p; p++) {
        if (*p >= '0' && *p <= '9')
            *value = *value << 4 | (uint64_t)(*p - '0');
        else if (*p >= 'a' && *p <= 'f')
            *value = *value << 4 | (uint64_t)(*p - 'a' + 10);
        else
            break;
    }
    return p;
}

static int begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* "START-END rwxp OFFSET DEV INODE   NAME" */
static int parse(struct region *region)
{
    const char *p = hex(line, &region->header.start), *name;

    if (*p++ != '-')
        return -1;
    p = hex(p, &region->header.end);
    if (*p++ != ' ')
        return -1;
    region->header.protection = (p[0] == 'r' ? PROT_READ : 0) | (p[1] == 'w' ? PROT_WRITE : 0) |
                                (p[2] == 'x' ? PROT_EXEC : 0);
    name = strchr(line, '/') ? strchr(line, '/') : strchr(line, '[') ? strchr(line, '[') : "";
    region->of_kernel = begins(name, "[vvar") || begins(name, "[vdso]") || begins(name, "[vsyscall]");
    region->header.grows_down = begins(name, "[stack]");
    region->header.stored = region->header.protection ? region->header.end - region->header.start : 0;
    return begins(name, "[vsyscall]");
}

static int put(int fd, const void *data, size_t size)
{
    const char *p = data;

    while (size > 0) {
        ssize_t n = write(fd, p, size);
        if (n < 0)
            return -1;
        p += n, size -= (size_t)n;
    }
    return 0;
}

/* A page that cannot be read (behind the end of its file) is saved as zeros. */
static int put_region(int fd, const struct region_header *header)
{
    const char *p = (const char *)header->start, *end = p + header->stored;

    if (put(fd, header, sizeof *header) < 0)
        return -1;
    while (p < end) {
        ssize_t n = write(fd, p, (size_t)(end - p) > 1 << 20 ? 1 << 20 : (size_t)(end - p));
        if (n > 0)
            p += n;
        else if (put(fd, zeros, PAGE - (uint64_t)p % PAGE) < 0)
            return -1;
        else
            p += PAGE - (uint64_t)p % PAGE;
    }
    return 0;
}

/* Go through /proc/self/maps: with fd -1 to find the kernel's regions, else to save the others. */
static int walk(int fd, struct range *kernel)
{
    int error = 0;

    memset(&maps, 0, sizeof maps);
    maps.fd = open("/proc/self/maps", O_RDONLY);
    while (!error && next_line()) {
        struct region region = { 0 };
        int beyond = parse(&region);
        if (beyond < 0)
            error = -1;
        else if (region.of_kernel && !beyond) {
            kernel->start = kernel->start ? kernel->start : region.header.start;
            kernel->end = region.header.end;
        } else if (!beyond && fd >= 0)
            error = put_region(fd, &region.header);
    }
    close(maps.fd);
    return error;
}

static int save(int fd)
{
    struct image_header header = { .magic = IMAGE_MAGIC };
    struct region_header end = { 0 };

    header.context = (uint64_t)&context;
    header.restart_place = (uint64_t)&restart_place;
    syscall(SYS_arch_prctl, ARCH_GET_FS, &header.tls);
    if (prctl(PR_GET_TID_ADDRESS, &tid_address) != 0)
        tid_address = NULL;
    if (walk(-1, &header.kernel) < 0 || put(fd, &header, sizeof header) < 0)
        return -1;
    return walk(fd, &header.kernel) < 0 ? -1 : put(fd, &end, sizeof end);
}

static void on_signal(int number);

static void register_handler(void)
{
    struct sigaction action = { .sa_handler = on_signal };

    sigaction(SIGUSR2, &action, NULL);
}

/* What is not in memory: the kernel knows nothing of our handler, and libc not our new pid. */
static void second_life(void)
{
    munmap((void *)restart_place.start, restart_place.end - restart_place.start);
    if (tid_address)
        *tid_address = (int)syscall(SYS_set_tid_address, tid_address);
    register_handler();
}

static void on_signal(int number)
{
    static const char sorry[] = "libckpt: myckpt could not be written\n";

    (void)number;
    is_restart = 0;
    getcontext(&context);
    if (is_restart) {
        second_life();
        return;
    }
    is_restart = 1;
    int fd = open("myckpt", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if ((fd < 0 || save(fd) < 0) && write(2, sorry, sizeof sorry - 1) < 0)
        return;
    close(fd);
}

static void __attribute__((constructor)) begin(void)
{
    register_handler();
}
