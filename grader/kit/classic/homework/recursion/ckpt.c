#define _GNU_SOURCE
#include <asm/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

struct Region {
  unsigned long start, end;
  char perm[4];
};

ucontext_t uc;
unsigned long fs;
int is_restarted = 0;

void save(int out, void *data, unsigned long len)
{
  unsigned long done = 0;
  while (done < len) {
    long ret = write(out, (char *)data + done, len - done);
    if (ret == -1)
      return;
    done += ret;
  }
}

void checkpoint(int sig)
{
  static char buf[300000];
  int old_errno = errno;
  syscall(SYS_arch_prctl, ARCH_GET_FS, &fs);
  is_restarted = 0;
  getcontext(&uc);
  if (is_restarted == 1) {
    signal(SIGUSR2, checkpoint);
    errno = old_errno;
    return;
  }
  is_restarted = 1;
  int maps = open("/proc/self/maps", O_RDONLY), out = open("myckpt", O_CREAT | O_TRUNC | O_WRONLY, S_IRWXU);
  long n, len = 0;
  while ((n = read(maps, buf + len, sizeof buf - 1 - len)) > 0)
    len += n;
  buf[len] = '\0';
  close(maps);
  save(out, &uc, sizeof uc);
  save(out, &fs, sizeof fs);
  for (char *line = buf, *next; *line; line = next) {
    struct Region r;
    next = strchr(line, '\n');
    *next++ = '\0';
    r.start = strtoul(line, &line, 16);
    r.end = strtoul(line + 1, &line, 16);
    memcpy(r.perm, line + 1, 4);
    if (strstr(line, "[v") || strstr(line, "/myrestart"))
      continue;
    save(out, &r, sizeof r);
    if (r.perm[0] == 'r')
      save(out, (void *)r.start, r.end - r.start);
  }
  close(out);
  exit(0);
}

__attribute__((constructor)) void myconstructor()
{
  signal(SIGUSR2, checkpoint);
}
