/* part_process.c - the room of the process: working directory, umask, limits, name.  Given. */
#include "image_process.h"
#include "part.h"

static long save(const struct save_request *request, void *note, size_t room)
{
    struct image_process *p = note;
    sys_call(SYS_prctl, PR_GET_NAME, (long)p->name, 0, 0);
    p->umask = (uint64_t)sys_call(SYS_umask, 0, 0, 0, 0); /* the only way to read it is to set it */
    sys_call(SYS_umask, (long)p->umask, 0, 0, 0);
    for (int i = 0; i < LIMITS; i++)
        sys_call(SYS_prlimit64, 0, i, 0, (long)&p->limits[i]);
    /* "(unreachable)/x": the directory lies outside of our root; -ENOENT: it was removed, getcwd(2). */
    long got = sys_call(SYS_getcwd, (long)p->directory, sizeof p->directory, 0, 0);
    if (got == -ENOENT)
        got = sys_readlink("/proc/self/cwd", p->directory, sizeof p->directory - 1);
    if (got < 0 || p->directory[0] != '/')
        p->directory[0] = '\0';
    return sizeof *p;
}

static void describe(part_printf print, const void *note, size_t size)
{
    const struct image_process *p = note;
    print("  name %.16s, umask %03lo, working directory %.4096s\n", p->name, p->umask, p->directory);
    print("  limits (-1: none): stack %ld, data %ld, descriptors %ld\n", (long)p->limits[RLIMIT_STACK].rlim_cur,
          (long)p->limits[RLIMIT_DATA].rlim_cur, (long)p->limits[RLIMIT_NOFILE].rlim_cur);
}

/* A hard limit above ours needs privilege: then as much as we may. */
static void restore_limit(int which, struct rlimit limit)
{
    struct rlimit own;
    if (sys_call(SYS_prlimit64, 0, which, (long)&limit, 0) == 0)
        return;
    sys_call(SYS_prlimit64, 0, which, 0, (long)&own);
    own.rlim_cur = limit.rlim_cur < own.rlim_max ? limit.rlim_cur : own.rlim_max;
    if (sys_call(SYS_prlimit64, 0, which, (long)&own, 0) != 0 || own.rlim_cur != limit.rlim_cur)
        say("restart: limit ", text_number((uint64_t)which, 10).digits, " is lower now (getrlimit(2))", NULL);
}

/* Makes a directory, goes there, and removes it again. */
static long enter_new(const char *path)
{
    long error = sys_mkdir(path, 0700);
    if (error != 0)
        return error; /* what has that name now is not ours to remove */
    error = sys_call(SYS_chdir, (long)path, 0, 0, 0);
    sys_rmdir(path);
    return error;
}

/* One that was removed is made anew: where it was, or in /tmp if that cannot be. */
static long enter(const char *directory)
{
    char path[PATH_MAX];
    long error = sys_call(SYS_chdir, (long)directory, 0, 0, 0);
    size_t length = text_join(path, sizeof path, directory, NULL);
    if (error != -ENOENT || !process_removed(directory))
        return error;
    path[length - strlen(REMOVED)] = '\0';
    if (enter_new(path) == 0)
        return 0;
    text_join(path, sizeof path, "/tmp/removed.", text_number((uint64_t)sys_getpid(), 10).digits, NULL);
    return enter_new(path);
}

static long restore(const void *note, size_t size)
{
    const struct image_process *p = note;
    for (int i = 0; i < LIMITS; i++)
        restore_limit(i, p->limits[i]);
    if (enter(p->directory) != 0)
        say("restart: the working directory cannot be restored: ", p->directory, NULL);
    sys_call(SYS_umask, (long)p->umask, 0, 0, 0);
    sys_call(SYS_prctl, PR_SET_NAME, (long)p->name, 0, 0);
    return 0;
}

const struct part process_part = {NOTE_PROCESS, "process", sizeof(struct image_process), save, describe, restore};
