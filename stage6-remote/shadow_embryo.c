/*
 * shadow_embryo.c - the job's first image.  PROG is started here, as ckpt does it, but its life ends before main:
 * libckpt.so's constructor takes a checkpoint with all pages stored (CKPT_FULL), which runs on a machine without
 * any of our files.
 */
#include "remote_life.h"
#include "shadow.h"
#include "libc.h"
#include "text.h"

#include <sys/wait.h>

static void set_variable(const char *name, const char *value)
{
    if (setenv(name, value, 1) != 0)
        err(EX_OSERR, "%s", name);
}

char *beside_us(const char *name)
{
    char path[PATH_MAX], *result;
    if (realpath("/proc/self/exe", path) == NULL)
        err(EX_OSERR, "/proc/self/exe");
    *strrchr(path, '/') = '\0';
    if (asprintf(&result, "%s/%s", path, name) < 0)
        err(EX_OSERR, "%s", name);
    return result;
}

/* libckpt.so goes before those that the user preloads (ckpt.c). */
static void preload_library(void)
{
    char *library = beside_us("libckpt.so"), *list;
    const char *others = environment("LD_PRELOAD", "");
    if (access(library, R_OK) != 0)
        err(EX_NOINPUT, "%s (build it with make)", library);
    if (strpbrk(library, " :") != NULL)
        errx(EX_NOINPUT, "%s: LD_PRELOAD cannot name a path with a blank or a colon; move the lab", library);
    if (asprintf(&list, "%s%s%s", library, *others != '\0' ? ":" : "", others) < 0)
        err(EX_OSERR, "LD_PRELOAD");
    set_variable("LD_PRELOAD", list);
    free(list);
    free(library);
}

/* The child's half.  The checkpoint signal waits until libckpt's constructor has a handler for it. */
__attribute__((noreturn)) static void become(const char *path, char **argv, const char *image)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, REMOTE_SIGNAL);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGUSR2, SIG_DFL);
    close_range(3, ~0U, 0); /* what we were born with besides is not the job's */
    preload_library();
    set_variable("CKPT_REMOTE", "1");
    set_variable("CKPT_FULL", "1");
    set_variable("CKPT_IMAGE", image);
    set_variable("CKPT_SIGNAL", text_number(REMOTE_SIGNAL, 10).digits);
    set_variable("CKPT_PID", text_number((uint64_t)getpid(), 10).digits);
    unsetenv("CKPT_INTERVAL"); /* the image at home is the shadow's to ask for */
    execv(path, argv);
    err(EX_OSERR, "%s", path);
}

static int status_of(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            err(EX_OSERR, "waitpid");
    return status;
}

void embryo_make(const char *path, char **argv)
{
    char folder[PATH_MAX], image[PATH_MAX + 8];
    snprintf(folder, sizeof folder, "%s/ckpt-shadow.XXXXXX", environment("TMPDIR", "/tmp"));
    if (mkdtemp(folder) == NULL) /* nobody else can put a file, or a link, in there */
        err(EX_CANTCREAT, "%s", folder);
    snprintf(image, sizeof image, "%s/image", folder);
    fflush(NULL);
    pid_t child = fork();
    if (child < 0)
        err(EX_OSERR, "fork");
    if (child == 0)
        become(path, argv, image);
    int status = status_of(child);
    shadow.image = open(image, O_RDONLY | O_CLOEXEC);
    unlink(image);
    rmdir(folder);
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
        errx(WEXITSTATUS(status) >= EX_USAGE && WEXITSTATUS(status) < 80 ? WEXITSTATUS(status) : EX_DATAERR,
             "%s could not be saved before its main() began", argv[0]);
    if (WIFSIGNALED(status))
        errx(EX_DATAERR, "%s was killed before its main() began: %s", argv[0], strsignal(WTERMSIG(status)));
    if (shadow.image < 0)
        errx(EX_DATAERR, "%s ended without an image: libckpt.so was not loaded, or is not that of stage 6",
             argv[0]);
}
