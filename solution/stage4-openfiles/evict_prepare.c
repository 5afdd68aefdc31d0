/* evict_prepare.c - ckpt --evict: the wish, for all lives of the job; and --resume.  evict.h.  Given. */
#include "evict.h"
#include "image.h"
#include "libc.h"

/* PROG and ARGS, each with its '\0'. */
static uint64_t checksum(char *const *argv)
{
    uint64_t sum = IMAGE_CHECKSUM_START;
    for (; *argv != NULL; argv++)
        sum = image_checksum(sum, *argv, strlen(*argv) + 1);
    return sum;
}

/* libckpt.so reads it (NOTE_LIBRARY), and so does `restart --resume` (library_plan.c). */
static void put_wish(const struct evict *evict)
{
    char *text = NULL;
    if (asprintf(&text, "%d %d %d %" PRIx64 " %s", evict->status, evict->signal, evict->resume, evict->command,
                 evict->start) < 0 || setenv("CKPT_EVICT", text, 1) != 0)
        err(EX_OSERR, "CKPT_EVICT");
    free(text);
}

/* Becomes restart, which lies beside ckpt. */
__attribute__((noreturn)) static void become_restart(const char *image)
{
    char path[PATH_MAX + 16];
    if (realpath("/proc/self/exe", path) == NULL)
        err(EX_OSERR, "/proc/self/exe");
    strcpy(strrchr(path, '/'), "/restart");
    execl(path, "restart", "--resume", "--", image, (char *)NULL);
    err(EX_NOINPUT, "%s (build it with make)", path);
}

void evict_prepare(struct evict *evict, char *const *argv)
{
    struct stat st;
    sigset_t all;
    const char *name = environment("CKPT_IMAGE", "myckpt");
    if (evict->signal == evict->checkpoint)
        errx(EX_USAGE, "--evict-on: it is the checkpoint signal, which only takes an image");
    if (evict->resume && strchr(name, '%') != NULL)
        errx(EX_USAGE, "%s: --resume needs an image whose name is known (no %%p, no %%n)", name);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &evict->mask);
    sigaddset(&evict->mask, evict->checkpoint);
    evict->command = checksum(argv);
    if (getcwd(evict->start, sizeof evict->start) == NULL)
        err(EX_OSERR, "the working directory");
    put_wish(evict);
    if (!evict->resume)
        return;
    if (lstat(name, &st) == 0)
        become_restart(name);
    if (errno != ENOENT)
        err(EX_NOINPUT, "%s", name);
    if (snprintf(evict->image, sizeof evict->image, "%s", name) >= (int)sizeof evict->image)
        errx(EX_USAGE, "%s: too long", name);
}
