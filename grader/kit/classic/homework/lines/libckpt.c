/* Each region in the image: its line of /proc/self/maps in LINE bytes, then its memory. First of all "FS value", then
 * the address of the context. */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define LINE 5000

static ucontext_t ctx;
static int done_once;

static void out(int fd, const void *p, size_t n)
{
    while (n) {
        ssize_t k = write(fd, p, n);
        if (k <= 0)
            break;
        p = (const char *)p + k;
        n -= k;
    }
}

static void handle(int sig)
{
    static char line[LINE];
    unsigned long fs, start, end;
    int e = errno, c;

    done_once = 0;
    getcontext(&ctx);
    if (done_once) {
        signal(sig, handle);
        errno = e;
        return;
    }
    done_once = 1;
    int fd = open("myckpt", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int maps = open("/proc/self/maps", O_RDONLY), n = 0;
    syscall(SYS_arch_prctl, ARCH_GET_FS, &fs);
    memset(line, 0, LINE);
    sprintf(line, "FS %lx CONTEXT %p", fs, (void *)&ctx);
    out(fd, line, LINE);
    memset(line, 0, LINE);
    for (char ch; read(maps, &ch, 1) == 1;) {
        c = ch;
        if (c != '\n') {
            line[n++] = c;
            continue;
        }
        if (!strstr(line, "[v") && !strstr(line, "/myrestart")) {
            sscanf(line, "%lx-%lx", &start, &end);
            out(fd, line, LINE);
            if (strstr(line, " r"))
                out(fd, (void *)start, end - start);
        }
        memset(line, 0, LINE);
        n = 0;
    }
    close(maps);
    close(fd);
    _exit(0);
}

__attribute__((constructor)) static void begin(void)
{
    struct sigaction sa = { .sa_handler = handle };
    sigaction(SIGUSR2, &sa, NULL);
}
