/* libckpt.c, for libckpt.a: the constructor has to be pulled into the program
 * (-Wl,--whole-archive). When the image is written, the program ends. */
#define _GNU_SOURCE
#include "savedproc.h"

#include <asm/prctl.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct saved_process saved;
static volatile int restarted;
static int *tid;
static char text[1 << 16];
static char page_of_zeros[4096];

/* The program's maps are read line by line with one system call a byte: slow, and simple. */
static int read_line(int fd)
{
	size_t length = 0;

	while (length < sizeof text - 1 && read(fd, text + length, 1) == 1)
		if (text[length++] == '\n')
			break;
	text[length] = '\0';
	return length > 0;
}

static int ends_in(const char *name)
{
	size_t all = strlen(text), part = strlen(name);
	return all > part && strcmp(text + all - part, name) == 0;
}

/* What myrestart left behind when it became this program is not the program's. */
static int belongs_to_nobody(void)
{
	unsigned long start = strtoul(text, NULL, 16);
	return (start >= RESTART_START && start < RESTART_END) || ends_in("[vsyscall]\n");
}

static void note_region(void)
{
	struct memory_region *r = &saved.region[saved.count];
	char *rest;

	r->start = strtoul(text, &rest, 16);
	r->size = strtoul(rest + 1, &rest, 16) - r->start;
	r->flags = (rest[1] == 'r') * PROT_READ + (rest[2] == 'w') * PROT_WRITE + (rest[3] == 'x') * PROT_EXEC;
	if (ends_in("[stack]\n"))
		r->flags |= IS_STACK;
	if (rest[1] != 'r')
		r->flags |= NO_BYTES;
	if (strstr(text, " [vvar") || ends_in("[vdso]\n"))
		saved.vdso = saved.vdso ? saved.vdso : r->start;
	else
		saved.count++;
}

static void note_regions(void)
{
	int fd = open("/proc/self/maps", O_RDONLY);

	saved.count = 0;
	saved.vdso = 0;
	while (read_line(fd) && saved.count < MAX_REGIONS)
		if (!belongs_to_nobody())
			note_region();
	close(fd);
}

static void write_all(int fd, const char *from, unsigned long size)
{
	while (size > 0) {
		ssize_t done = write(fd, from, size < 65536 ? size : 65536);
		if (done <= 0) /* a page behind the end of its file */
			done = write(fd, page_of_zeros, 4096);
		if (done <= 0)
			_exit(99);
		from += done;
		size -= (unsigned long)done;
	}
}

static void write_image(void)
{
	int fd = open("myckpt", O_CREAT | O_TRUNC | O_WRONLY, S_IRUSR | S_IWUSR);

	write_all(fd, (const char *)&saved, sizeof saved);
	for (int i = 0; i < saved.count; i++)
		if (!(saved.region[i].flags & NO_BYTES))
			write_all(fd, (const char *)saved.region[i].start, saved.region[i].size);
	close(fd);
}

static void checkpoint(int number);

static void be_ready(void)
{
	signal(SIGUSR2, checkpoint);
}

static void checkpoint(int number)
{
	(void)number;
	memcpy(saved.magic, saved_magic, sizeof saved.magic);
	syscall(SYS_arch_prctl, ARCH_GET_FS, &saved.fs_base);
	prctl(PR_GET_TID_ADDRESS, &tid);
	restarted = 0;
	getcontext(&saved.registers);
	if (restarted) {
		if (tid)
			*tid = (int)syscall(SYS_set_tid_address, tid);
		be_ready();
		return;
	}
	restarted = 1;
	note_regions();
	write_image();
	_exit(0);
}

__attribute__((constructor)) static void myconstructor(void)
{
	be_ready();
}
