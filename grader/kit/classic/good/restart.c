/* restart [IMAGE]: become the program that is saved in IMAGE (myckpt).
 *
 * It is static, and linked at an address where no program is. 1. Read the header. 2. Move to a stack in
 * our own .bss. From here on: no libc that needs thread-local data. 3. Put the vdso aside, unmap all
 * that is not ours. 4. Map each region and read its bytes. 5. The vdso to its place, the TLS base,
 * setcontext. libckpt then unmaps what is left of us.
 */
#define _GNU_SOURCE
#include "image.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <asm/prctl.h>
#if __has_include(<sys/rseq.h>)
#include <sys/rseq.h>
#endif

#define USER_END 0x7ffffffff000ul
#define PARTS 8
#define ROOM (64 * PAGE)

extern char __executable_start, _end;

static struct image_header header;
static struct range parts[PARTS]; /* our own [vvar...] and [vdso] */
static int part_count, image;
static ucontext_t away;
static char new_stack[64 << 10] __attribute__((aligned(16)));
static char room[ROOM] __attribute__((aligned(4096)));

static long raw(long number, long a, long b, long c, long d, long e)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = 0;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static struct range own_place(void)
{
    struct range own = { (uint64_t)&__executable_start & -PAGE, ((uint64_t)&_end + PAGE - 1) & -PAGE };
    return own;
}

static void die(const char *message)
{
    long n = 0;

    while (message[n])
        n++;
    raw(SYS_write, 2, (long)message, n, 0, 0);
    raw(SYS_exit_group, 71, 0, 0, 0, 0);
}

static void read_all(void *to, uint64_t size)
{
    char *p = to;

    while (size > 0) {
        long n = raw(SYS_read, image, (long)p, (long)size, 0, 0);
        if (n <= 0)
            die("restart: the image is too short, or memory cannot be written\n");
        p += n, size -= (uint64_t)n;
    }
}

static void find_kernel_parts(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[8192];

    while (maps && fgets(line, sizeof line, maps)) {
        struct range part;
        if (!strstr(line, "[vvar") && !strstr(line, "[vdso]"))
            continue;
        if (part_count < PARTS && sscanf(line, "%lx-%lx", &part.start, &part.end) == 2)
            parts[part_count++] = part;
    }
    if (maps)
        fclose(maps);
}

/* Else the kernel would go on writing into our thread-local data, which will be gone. */
static void leave_rseq(void)
{
#ifdef RSEQ_SIG
    unsigned size = __rseq_size < 32 ? 32 : (__rseq_size + 31) & -32u;
    if (__rseq_size)
        raw(SYS_rseq, (long)((char *)__builtin_thread_pointer() + __rseq_offset), size, 1, RSEQ_SIG, 0);
#endif
}

static void move_parts(uint64_t from, uint64_t to)
{
    for (int i = 0; i < part_count; i++) {
        uint64_t offset = parts[i].start - parts[0].start, size = parts[i].end - parts[i].start;
        raw(SYS_mremap, (long)(from + offset), (long)size, (long)size, MREMAP_MAYMOVE | MREMAP_FIXED,
            (long)(to + offset));
    }
}

static void clear_all_but_us(void)
{
    struct range own = own_place();

    raw(SYS_munmap, 0, (long)own.start, 0, 0, 0);
    raw(SYS_munmap, (long)own.end, (long)(USER_END - own.end), 0, 0, 0);
}

static void bring_back(const struct region_header *region)
{
    struct range own = own_place();
    long size = (long)(region->end - region->start), start = (long)region->start;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | (region->grows_down ? MAP_GROWSDOWN : 0);

    if (region->start < own.end && own.start < region->end)
        die("restart: the program has memory where restart itself is\n");
    if (raw(SYS_mmap, start, size, region->protection | PROT_WRITE, flags, -1) != start)
        die("restart: mmap failed\n");
    read_all((void *)start, region->stored);
    if (!(region->protection & PROT_WRITE))
        raw(SYS_mprotect, start, size, region->protection, 0, 0);
}

static void rebuild(void)
{
    struct region_header region;
    int has_kernel = part_count > 0 && parts[part_count - 1].end - parts[0].start <= ROOM;

    leave_rseq();
    if (has_kernel)
        move_parts(parts[0].start, (uint64_t)room);
    clear_all_but_us();
    for (read_all(&region, sizeof region); region.end; read_all(&region, sizeof region))
        bring_back(&region);
    raw(SYS_close, image, 0, 0, 0, 0);
    if (has_kernel)
        move_parts((uint64_t)room, header.kernel.start);
    *(struct range *)header.restart_place = own_place();
    raw(SYS_arch_prctl, ARCH_SET_FS, (long)header.tls, 0, 0, 0);
    setcontext((ucontext_t *)header.context);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "myckpt";

    image = open(name, O_RDONLY);
    if (image < 0) {
        perror(name);
        return 66;
    }
    read_all(&header, sizeof header);
    if (memcmp(header.magic, IMAGE_MAGIC, sizeof header.magic) != 0) {
        fprintf(stderr, "restart: %s: not an image\n", name);
        return 65;
    }
    find_kernel_parts();
    getcontext(&away);
    away.uc_stack.ss_sp = new_stack;
    away.uc_stack.ss_size = sizeof new_stack;
    makecontext(&away, rebuild, 0);
    setcontext(&away);
    return 71;
}
