/*
 * next_program.c - the process becomes another program: the functions of execve(2).  Given.
 *
 * A handler ends with the program that has it, and the checkpoint signal would kill the next one before libckpt.so
 * is in it.  So the signal is blocked, as ckpt does it; the next constructor unblocks it.  If there will be none
 * (the next program is statically linked, or has other rights) it stays blocked, and a message says that there will
 * be no checkpoint.  CKPT_PID, by which the next constructor knows the process that ckpt started, is ours today: in
 * a second life the environment still has that of the first.
 *
 * All this is for the process itself.  What a child executes is not looked at: after vfork(2) it has our memory.
 */
#include "libc.h"
#include "manners.h"
#include "program.h"
#include "sys.h"
#include "text.h"

#include <dlfcn.h>

#define EXPORT __attribute__((visibility("default")))
#define OWNER "CKPT_PID="
#define PRELOAD "LD_PRELOAD="

extern char **environ;

/* A call of one of the functions. */
struct exec_call {
    int fd, flags;    /* of execveat(2) */
    const char *path; /* or a name that execvp(3) looks for */
    char *const *argv, *const *envp;
};

typedef int exec_function(const struct exec_call *call);
typedef int execvpe_function(const char *name, char *const *argv, char *const *envp);

static int our_signal;
static long process;
static char own_line[sizeof OWNER + sizeof(struct number)]; /* of the environment */
static execvpe_function *libc_execvpe;

/* What one call works in, mapped for it: the stack may be small, and malloc(3) is not async-signal-safe. */
struct workshop {
    uint64_t size;
    char path[PATH_MAX];
    char *envp[];
};

void next_program_new_life(void)
{
    process = our_signal != 0 ? sys_getpid() : 0;
    text_join(own_line, sizeof own_line, OWNER, text_number((uint64_t)process, 10).digits, NULL);
}

void next_program_watch(int signal)
{
    our_signal = signal;
    *(void **)&libc_execvpe = dlsym(RTLD_NEXT, "execvpe");
    next_program_new_life();
}

static struct workshop *open_workshop(char *const *envp)
{
    size_t count = 0;
    while (envp != NULL && envp[count] != NULL)
        count++;
    size_t size = sizeof(struct workshop) + (count + 1) * sizeof *envp;
    long at = sys_mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct workshop *w = sys_failed(at) ? NULL : (struct workshop *)at; // NOLINT
    if (w != NULL)
        w->size = size;
    return w;
}

/* Copies the environment with our own number in it.  Will libckpt.so be preloaded by it? */
static bool copy_environment(struct workshop *w, char *const *envp)
{
    bool preloads = false;
    for (size_t i = 0; envp != NULL && envp[i] != NULL; i++) {
        w->envp[i] = starts_with(envp[i], OWNER) ? own_line : envp[i];
        preloads = preloads || (starts_with(envp[i], PRELOAD) && strstr(envp[i], "libckpt.so") != NULL);
    }
    return preloads;
}

/* Says why the next program will not be checkpointed.  What cannot be executed is for execve(2) to refuse. */
static void look_at(char path[PATH_MAX], bool preloads)
{
    if (access(path, X_OK) != 0)
        return;
    const char *problem = program_problem(path);
    if (problem == NULL && !preloads)
        problem = "is started without libckpt.so in LD_PRELOAD";
    if (problem != NULL)
        say("libckpt: no more checkpoints: the process becomes another program, and ", path, " ", problem, NULL);
}

/*
 * By syscall(3), which is libc's: a job of ckpt-shadow's is not allowed to, and for that the call must be caught.
 */
static int by_path(const struct exec_call *c)
{
    return (int)syscall(SYS_execve, c->path, c->argv, c->envp);
}

static int by_descriptor(const struct exec_call *c)
{
    return (int)syscall(SYS_execveat, c->fd, c->path, c->argv, c->envp, c->flags);
}

static int by_name(const struct exec_call *c)
{
    return libc_execvpe(c->path, c->argv, c->envp);
}

/* Where the file is; a path that is relative to a descriptor, or empty, leads through /proc. */
static bool path_of(const struct exec_call *c, char path[PATH_MAX])
{
    bool absolute = c->path[0] == '/' || c->fd == AT_FDCWD;
    text_join(path, PATH_MAX, absolute ? "" : "/proc/self/fd/",
              absolute ? "" : text_number((uint64_t)c->fd, 10).digits, absolute || c->path[0] == '\0' ? "" : "/",
              c->path, NULL);
    return true;
}

/* Returns only if the call fails: -1, and errno says why. */
static int become(exec_function *function, struct exec_call call)
{
    struct workshop *w = sys_getpid() == process ? open_workshop(call.envp) : NULL;
    uint64_t set = 1UL << (our_signal - 1), before;
    if (w == NULL)
        return function(&call);
    bool preloads = copy_environment(w, call.envp);
    if (function != by_name ? path_of(&call, w->path) : program_find(call.path, w->path))
        look_at(w->path, preloads);
    call.envp = w->envp;
    sys_call(SYS_rt_sigprocmask, SIG_BLOCK, (long)&set, (long)&before, 8);
    int result = function(&call), error = errno;
    sys_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, 8);
    sys_munmap((uint64_t)w, w->size);
    errno = error;
    return result;
}

EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
    return become(by_path, (struct exec_call){AT_FDCWD, 0, path, argv, envp});
}

EXPORT int execv(const char *path, char *const argv[])
{
    return execve(path, argv, environ);
}

EXPORT int execvpe(const char *name, char *const argv[], char *const envp[])
{
    if (libc_execvpe == NULL) /* before our constructor */
        *(void **)&libc_execvpe = dlsym(RTLD_NEXT, "execvpe");
    return become(by_name, (struct exec_call){AT_FDCWD, 0, name, argv, envp});
}

EXPORT int execvp(const char *name, char *const argv[])
{
    return execvpe(name, argv, environ);
}

EXPORT int execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags)
{
    return become(by_descriptor, (struct exec_call){fd, flags, path, argv, envp});
}

EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
    return execveat(fd, "", argv, envp, AT_EMPTY_PATH);
}

/* How many strings there are before NULL. */
static size_t count_strings(const char *string, va_list more)
{
    size_t count = 0;
    for (; string != NULL; string = va_arg(more, const char *))
        count++;
    return count;
}

static void fill_strings(char **to, const char *string, va_list *more)
{
    for (; string != NULL; string = va_arg(*more, const char *))
        *to++ = (char *)string;
    *to = NULL;
}

EXPORT int execl(const char *path, const char *first, ...)
{
    va_list more;
    va_start(more, first);
    char *argv[count_strings(first, more) + 1];
    va_end(more);
    va_start(more, first);
    fill_strings(argv, first, &more);
    va_end(more);
    return execv(path, argv);
}

EXPORT int execlp(const char *name, const char *first, ...)
{
    va_list more;
    va_start(more, first);
    char *argv[count_strings(first, more) + 1];
    va_end(more);
    va_start(more, first);
    fill_strings(argv, first, &more);
    va_end(more);
    return execvp(name, argv);
}

EXPORT int execle(const char *path, const char *first, ...)
{
    va_list more;
    va_start(more, first);
    char *argv[count_strings(first, more) + 1];
    va_end(more);
    va_start(more, first);
    fill_strings(argv, first, &more);
    char *const *envp = va_arg(more, char *const *); /* behind the NULL */
    va_end(more);
    return execve(path, argv, envp);
}
