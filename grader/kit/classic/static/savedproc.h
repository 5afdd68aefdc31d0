/* savedproc.h: the image: one struct saved_process, then the bytes of its regions in the same order. */
#ifndef SAVEDPROC_H
#define SAVEDPROC_H

#include <ucontext.h>

#define MAX_REGIONS 8000
#define IS_STACK 8 /* beside PROT_READ, PROT_WRITE, PROT_EXEC */
#define NO_BYTES 16

/* Here are myrestart, its stack, and the place where the vdso waits; no program is. */
#define RESTART_START 0x6e000000ul
#define RESTART_END 0x71000000ul

struct memory_region {
	unsigned long start, size;
	int flags;
};

struct saved_process {
	char magic[16];
	ucontext_t registers;
	unsigned long fs_base;
	unsigned long vdso; /* where the first page of the kernel's regions was */
	int count;
	struct memory_region region[MAX_REGIONS];
};

static const char saved_magic[16] = "saved process 1";

#endif
