#include <ucontext.h>

struct section {
	char *start;
	char *end;
	int prot;
	int stored;
};

struct header {
	ucontext_t context;
	unsigned long fs;
	int count;
	struct section sections[1000];
};
