#define _GNU_SOURCE
#include "header.h"
#include <asm/prctl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STACK 0x60000000
#define SIZE (1 << 20)

struct header header;
int fd;

static void read_bytes(char *to, size_t size)
{
	size_t done = 0;
	while (done < size) {
		ssize_t rc = read(fd, to + done, size - done);
		if (rc <= 0) {
			write(2, "read failed\n", 12);
			_exit(1);
		}
		done += rc;
	}
}

static void restore(void)
{
	for (int i = 0; i < header.count; i++) {
		struct section *s = &header.sections[i];
		size_t size = s->end - s->start;
		int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
		char *at = mmap(s->start, size, s->prot | PROT_WRITE, flags, -1, 0);
		if (at == MAP_FAILED) {
			write(2, "mmap failed\n", 12);
			_exit(1);
		}
		if (s->stored)
			read_bytes(s->start, size);
		mprotect(s->start, size, s->prot);
	}
	close(fd);
	syscall(SYS_arch_prctl, ARCH_SET_FS, header.fs);
	setcontext(&header.context);
}

int main(int argc, char *argv[])
{
	fd = open(argv[1], O_RDONLY);
	if (fd < 0) {
		perror(argv[1]);
		exit(1);
	}
	read_bytes((char *)&header, sizeof header);
	char *stack = mmap((void *)STACK, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	char *top = stack + SIZE;
	asm volatile("mov %0, %%rsp\n\txor %%ebp, %%ebp\n\tcall *%1" : : "r"(top), "r"(restore) : "memory");
	return 0;
}
