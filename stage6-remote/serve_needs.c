/* serve_needs.c - what a job may use without being asked for: the system's folders, and what PROG and ARGS name. */
#include "libc.h"
#include "serve_paths.h"
#include "shadow.h"

static void allow_system(void)
{
    static const char *const folders[] = {"/usr", "/lib",  "/lib32", "/lib64", "/libx32",
                                          "/bin", "/sbin", "/etc",   "/opt"};
    static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/tty"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        allow_add(folders[i], false);
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
        allow_add(devices[i], false); /* written to (serve_open.c), not removed or chmod(2)-ed */
}

/* The terminals that the job has as 0, 1 and 2 have names, too: ttyname(3) compares the two. */
static void allow_terminals(void)
{
    char name[PATH_MAX];
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (ttyname_r(fd, name, sizeof name) == 0 && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR)
            allow_add(name, false);
}

/*
 * PROG's folder, to read; and if that is .../bin, what lies beside it (python: lib/ and pyvenv.cfg).  Not all that
 * lies there: beside /home/you/bin there is all that you have.
 */
static void allow_installation(const char *prog)
{
    static const char *const beside[] = {"lib", "lib64", "libexec", "share", "include", "etc", "pyvenv.cfg"};
    char path[PATH_MAX], *slash;
    if (strlen(prog) >= sizeof path)
        return;
    slash = strrchr(strcpy(path, prog), '/');
    if (slash == NULL)
        return;
    *slash = '\0';
    allow_add(slash == path ? "/bin" : path, false);
    slash = strrchr(path, '/');
    if (slash == NULL || strcmp(slash, "/bin") != 0)
        return;
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++)
        if (snprintf(slash, sizeof path - (size_t)(slash - path), "/%s", beside[i]) > 0 && access(path, F_OK) == 0)
            allow_add(path, false);
}

/*
 * A file or folder that an argument names; or one that it may be about to make, if it is a path at all (`sed
 * s/a/b/` names no file, and neither does `tr / :`).
 * What is "/" by another name (/., /usr/.., a link) is no name for all files.
 */
static void allow_named(const char *text)
{
    char path[PATH_MAX];
    if (*text == '\0' || strlen(text) >= sizeof path || text[strspn(text, "/")] == '\0')
        return;
    char *slash = strrchr(strcpy(path, text), '/');
    if (access(text, F_OK) != 0) {
        if (slash == NULL || slash == path)
            return;
        *slash = '\0';
        if (access(path, F_OK) != 0)
            return;
    }
    if (realpath(text, path) == NULL || strcmp(path, "/") != 0)
        allow_add(text, true);
}

static void allow_argument(const char *argument)
{
    const char *equals = strchr(argument, '=');
    allow_named(argument);
    if (equals != NULL)
        allow_named(equals + 1);
    else if (argument[0] == '-' && argument[1] != '-' && strchr(argument, '/') != NULL && argument[1] != '\0')
        allow_named(argument + 2); /* -oPATH */
}

/* What nobody named: a place that is "/" would be all files. */
static void allow_by_default(const char *what, const char *path)
{
    char real[PATH_MAX];
    if (realpath(path, real) == NULL)
        return;
    if (strcmp(real, "/") == 0 && !allow_inside(real, true))
        shadow_say("%s is /: the job may not use all files for that (--allow / lets it)", what);
    else if (strcmp(real, "/") != 0)
        allow_add(path, true);
}

void allow_for(const char *prog, char **argv)
{
    const char *temporary = environment("TMPDIR", "/tmp");
    char real[PATH_MAX];
    allow_system();
    allow_terminals();
    if (prog != NULL) {
        allow_installation(prog);
        if (realpath(prog, real) != NULL)
            allow_installation(real);
    }
    allow_by_default("the start directory", ".");
    if (*temporary == '/')
        allow_by_default("TMPDIR", temporary);
    else
        shadow_say("TMPDIR=%s is no absolute path: the job may not use it for that", temporary);
    for (int i = 1; prog != NULL && argv[i] != NULL; i++)
        allow_argument(argv[i]);
}
