/* process.c: working directory, umask, limits, name, auxiliary vector. */
#include "program.h"

#include <fcntl.h>
#include <elf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t hash_file(const char *path)
{
    unsigned char bytes[4096];
    uint64_t hash = 1;
    int fd = open(path, O_RDONLY);
    ssize_t n;

    while ((n = read(fd, bytes, sizeof bytes)) > 0)
        for (ssize_t i = 0; i < n; i++)
            hash = (hash ^ bytes[i]) * 0x100000001b3u;
    close(fd);
    return hash;
}

static void tell(const char *dir, uint64_t auxv, uint64_t arguments, unsigned long random)
{
    char cwd[PATH_MAX] = "", name[17] = "";
    struct rlimit files, core;
    mode_t mask = umask(077);

    umask(mask);
    prctl(PR_GET_NAME, name);
    getrlimit(RLIMIT_NOFILE, &files);
    getrlimit(RLIMIT_STACK, &core);
    say("cwd %d", getcwd(cwd, sizeof cwd) && strcmp(cwd, dir) == 0);
    say("umask %03o", (unsigned)mask);
    say("files %lu", (unsigned long)files.rlim_cur);
    say("stack %lu", (unsigned long)core.rlim_cur);
    say("name %s", name);
    say("auxv %d", hash_file("/proc/self/auxv") == auxv);
    say("cmdline %d", hash_file("/proc/self/cmdline") == arguments);
    say("getauxval %d", getauxval(AT_RANDOM) == random && getauxval(AT_PAGESZ) == 4096);
}

int main(int argc, char **argv)
{
    START();
    struct rlimit files, stack;

    if (argc > 1 && chdir(argv[1]))
        say("no directory");
    umask(0137);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = 97;
    setrlimit(RLIMIT_NOFILE, &files);
    getrlimit(RLIMIT_STACK, &stack);
    stack.rlim_cur = 6 << 20;
    setrlimit(RLIMIT_STACK, &stack);
    prctl(PR_SET_NAME, "my own name");
    char *dir = getcwd(NULL, 0);
    uint64_t auxv = hash_file("/proc/self/auxv"), arguments = hash_file("/proc/self/cmdline");
    unsigned long random = getauxval(AT_RANDOM);
    tell(dir, auxv, arguments, random);
    gate(1);
    tell(dir, auxv, arguments, random);
    return finish();
}
