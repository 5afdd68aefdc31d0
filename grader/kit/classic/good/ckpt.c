/* ckpt PROG [ARG]...: runs PROG with libckpt.so, which lies beside ckpt, preloaded. */
#define _GNU_SOURCE
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char self[PATH_MAX] = "", library[PATH_MAX + 16];

    if (argc < 2) {
        fprintf(stderr, "usage: ckpt PROG [ARG]...\n");
        return 64;
    }
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0) {
        perror("ckpt: /proc/self/exe");
        return 71;
    }
    snprintf(library, sizeof library, "%s/libckpt.so", dirname(self));
    setenv("LD_PRELOAD", library, 1);
    execvp(argv[1], argv + 1);
    perror(argv[1]);
    return 127;
}
