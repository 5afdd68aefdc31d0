#define _GNU_SOURCE
#include <asm/prctl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

struct Region {
  unsigned long start, end;
  char perm[4];
};

ucontext_t uc;
unsigned long fs;
int in;

int get(void *to, unsigned long len)
{
  unsigned long done = 0;
  while (done < len) {
    long ret = read(in, (char *)to + done, len - done);
    if (ret <= 0)
      return 0;
    done += ret;
  }
  return 1;
}

void do_work(void)
{
  struct Region r;
  while (get(&r, sizeof r)) {
    int prot = 0;
    if (r.perm[0] == 'r') prot |= PROT_READ;
    if (r.perm[1] == 'w') prot |= PROT_WRITE;
    if (r.perm[2] == 'x') prot |= PROT_EXEC;
    void *p = mmap((void *)r.start, r.end - r.start, prot | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
      exit(2);
    if (r.perm[0] == 'r')
      get((void *)r.start, r.end - r.start);
    mprotect((void *)r.start, r.end - r.start, prot);
  }
  close(in);
  syscall(SYS_arch_prctl, ARCH_SET_FS, fs);
  uc.uc_mcontext.fpregs = &uc.__fpregs_mem;
  setcontext(&uc);
}

void recursive(int levels)
{
  char big[1000];
  big[levels % 1000] = 1;
  if (levels > 0)
    recursive(levels - 1);
  else
    do_work();
  big[0] = 2;
}

int main(int argc, char *argv[])
{
  in = open(argv[1], O_RDONLY);
  if (in == -1) {
    printf("cannot open\n");
    exit(1);
  }
  get(&uc, sizeof uc);
  get(&fs, sizeof fs);
  recursive(1000);
}
