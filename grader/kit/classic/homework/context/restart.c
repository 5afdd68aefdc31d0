#define _GNU_SOURCE
#include <asm/prctl.h>
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

typedef struct region_header {
	unsigned long begin, end, offset;
	char r, w, x;
	int from_file;
	char file[4096];
} region_header_t;

typedef struct process_header {
	unsigned long context, fs_base;
} process_header_t;

static process_header_t process;
static region_header_t header;
static int fd;
static ucontext_t new_stack;

static int read_data(void *buf, size_t count)
{
	size_t sum = 0;
	while (sum != count) {
		ssize_t rc = read(fd, (char *)buf + sum, count - sum);
		if (rc == 0)
			return 0;
		assert(rc > 0);
		sum += rc;
	}
	return 1;
}

static void restore_region(void)
{
	size_t size = header.end - header.begin;
	int prot = (header.r == 'r') * PROT_READ | (header.w == 'w') * PROT_WRITE | (header.x == 'x') * PROT_EXEC;
	void *begin = (void *)header.begin;
	if (header.from_file) {
		int file = open(header.file, O_RDONLY);
		assert(mmap(begin, size, prot, MAP_PRIVATE | MAP_FIXED, file, header.offset) == begin);
		close(file);
		return;
	}
	assert(mmap(begin, size, prot | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == begin);
	if (header.r == 'r')
		read_data(begin, size);
	assert(mprotect(begin, size, prot) == 0);
}

static void restore_memory(void)
{
	while (read_data(&header, sizeof header))
		restore_region();
	close(fd);
	syscall(SYS_arch_prctl, ARCH_SET_FS, process.fs_base);
	setcontext((ucontext_t *)process.context);
}

int main(int argc, char *argv[])
{
	fd = open(argv[1], O_RDONLY);
	assert(fd >= 0);
	assert(read_data(&process, sizeof process));
	assert(getcontext(&new_stack) == 0);
	new_stack.uc_stack.ss_sp = mmap((void *)0x5a000000, 0x10000, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	new_stack.uc_stack.ss_size = 0x10000;
	makecontext(&new_stack, restore_memory, 0);
	setcontext(&new_stack);
	return 0;
}
