/* myrestart.c: `./myrestart myckpt` brings the program back.
 * Linked at an address of its own; the stack is moved to a fixed place beside it. */
#define _GNU_SOURCE
#include "savedproc.h"

#include <asm/prctl.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#if __has_include(<sys/rseq.h>)
#include <sys/rseq.h>
#endif

#define ASIDE RESTART_START /* here [vvar] and [vdso] wait */
#define STACK_PLACE (RESTART_START + 0x1000000)
#define STACK_SIZE 0x100000ul
#define MAX_OWN 64

struct own_region {
	unsigned long start, size;
	int is_vdso;
};

static struct saved_process saved;
static struct own_region own[MAX_OWN];
static int own_count, fd;

extern char __executable_start, _end;

/* No libc: its errno is in memory that is gone. */
static inline long call(long n, long a, long b, long c, long d, long e)
{
	register long d10 __asm__("r10") = d, e8 __asm__("r8") = e, f9 __asm__("r9") = 0;
	long r;

	__asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(d10), "r"(e8), "r"(f9)
		: "rcx", "r11", "memory");
	return r;
}

static int is_mine(unsigned long start)
{
	return start >= (uintptr_t)&__executable_start && start < (uintptr_t)&_end;
}

static void list_own_regions(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[5000];
	unsigned long end;

	while (f && own_count < MAX_OWN && fgets(line, sizeof line, f)) {
		struct own_region *r = &own[own_count];
		if (sscanf(line, "%lx-%lx", &r->start, &end) != 2 || is_mine(r->start) || strstr(line, "[vsyscall]"))
			continue;
		r->size = end - r->start;
		r->is_vdso = strstr(line, "[vvar") != NULL || strstr(line, "[vdso]") != NULL;
		own_count++;
	}
	if (f)
		fclose(f);
}

static unsigned long first_vdso(void)
{
	for (int i = 0; i < own_count; i++)
		if (own[i].is_vdso)
			return own[i].start;
	return 0;
}

static void move_vdso(long distance)
{
	for (int i = 0; i < own_count; i++)
		if (own[i].is_vdso) {
			call(SYS_mremap, (long)own[i].start, (long)own[i].size, (long)own[i].size,
				MREMAP_MAYMOVE | MREMAP_FIXED, (long)own[i].start + distance);
			own[i].start += (unsigned long)distance;
		}
}

static void unmap_own_regions(void)
{
#ifdef RSEQ_SIG
	char *thread = __builtin_thread_pointer();
	if (__rseq_size)
		call(SYS_rseq, (long)(thread + __rseq_offset), __rseq_size < 32 ? 32 : __rseq_size, 1, RSEQ_SIG, 0);
#endif
	for (int i = 0; i < own_count; i++)
		if (!own[i].is_vdso)
			call(SYS_munmap, (long)own[i].start, (long)own[i].size, 0, 0, 0);
}

static void give_up(int status)
{
	call(SYS_exit_group, status, 0, 0, 0, 0);
}

static void restore_region(const struct memory_region *r)
{
	int prot = r->flags & 7, flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	unsigned long done = 0;

	if (r->flags & IS_STACK)
		flags |= MAP_GROWSDOWN;
	if (call(SYS_mmap, (long)r->start, (long)r->size, prot | PROT_WRITE, flags, -1) != (long)r->start)
		give_up(101);
	while (!(r->flags & NO_BYTES) && done < r->size) {
		long n = call(SYS_read, fd, (long)(r->start + done), (long)(r->size - done), 0, 0);
		if (n <= 0)
			give_up(102);
		done += (unsigned long)n;
	}
	call(SYS_mprotect, (long)r->start, (long)r->size, prot, 0, 0);
}

__attribute__((noinline, used)) static void restore(void)
{
	unsigned long vdso = first_vdso();

	move_vdso((long)(ASIDE - vdso));
	unmap_own_regions();
	for (int i = 0; i < saved.count; i++)
		restore_region(&saved.region[i]);
	call(SYS_close, fd, 0, 0, 0, 0);
	move_vdso((long)(saved.vdso - ASIDE));
	call(SYS_arch_prctl, ARCH_SET_FS, (long)saved.fs_base, 0, 0, 0);
	setcontext(&saved.registers);
}

static void switch_stack(void)
{
	char *stack = mmap((void *)STACK_PLACE, STACK_SIZE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (stack == MAP_FAILED)
		give_up(103);
	__asm__ volatile("mov %0, %%rsp\n\tcall restore" : : "r"(stack + STACK_SIZE) : "memory");
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: ./myrestart IMAGE\n");
		return 1;
	}
	fd = open(argv[1], O_RDONLY);
	if (fd < 0 || read(fd, &saved, sizeof saved) != sizeof saved || memcmp(saved.magic, saved_magic, 16) != 0) {
		fprintf(stderr, "myrestart: %s is no image\n", argv[1]);
		return 1;
	}
	saved.registers.uc_mcontext.fpregs = &saved.registers.__fpregs_mem;
	list_own_regions();
	switch_stack();
	return 1;
}
