#define _GNU_SOURCE
#include <asm/prctl.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

typedef struct {
	void *startAddr;
	void *endAddr;
	int isReadable, isWriteable, isExecutable, isGuard;
} MemoryRegion;

static ucontext_t context, mine;
static unsigned long fs;
static int fd;
static char stack[65536] __attribute__((aligned(16)));

static int readAll(void *to, unsigned long size)
{
	unsigned long done = 0;
	while (done < size) {
		ssize_t n = read(fd, (char *)to + done, size - done);
		if (n <= 0)
			return -1;
		done += n;
	}
	return 0;
}

static void rebuild(void)
{
	MemoryRegion region;
	while (readAll(&region, sizeof region) == 0) {
		unsigned long size = (char *)region.endAddr - (char *)region.startAddr;
		int prot = 0;
		if (region.isReadable)
			prot |= PROT_READ;
		if (region.isWriteable)
			prot |= PROT_WRITE;
		if (region.isExecutable)
			prot |= PROT_EXEC;
		mmap(region.startAddr, size, prot | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		if (!region.isGuard)
			readAll(region.startAddr, size);
		mprotect(region.startAddr, size, prot);
	}
	close(fd);
	syscall(SYS_arch_prctl, ARCH_SET_FS, fs);
	setcontext(&context);
}

int main(int argc, char **argv)
{
	fd = open(argc > 1 ? argv[1] : "myckpt", O_RDONLY);
	if (fd < 0 || readAll(&context, sizeof context) < 0 || readAll(&fs, sizeof fs) < 0) {
		fprintf(stderr, "restart: no image\n");
		return 1;
	}
	context.uc_mcontext.fpregs = &context.__fpregs_mem;
	getcontext(&mine);
	mine.uc_stack.ss_sp = stack;
	mine.uc_stack.ss_size = sizeof stack;
	makecontext(&mine, rebuild, 0);
	setcontext(&mine);
	return 1;
}
