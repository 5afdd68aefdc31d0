/* part_process.c - the room of the process: working directory, umask, limits, name.  Given. */
#include "part.h"
#include "sys.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define LIMITS 16 /* RLIM_NLIMITS of the kernel, getrlimit(2) */

struct image_process {
    char name[16]; /* /proc/PID/comm */
    uint32_t umask;
    uint32_t unused;
    struct rlimit limits[LIMITS];
    char directory[PATH_MAX]; /* empty: it could not be told */
};

static long save(const struct save_request *request, void *note, size_t room)
{
    struct image_process *p = note;
    (void)request;
    if (room < sizeof *p)
        return -ENOMEM;
    memset(p, 0, sizeof *p);
    sys_call(SYS_prctl, PR_GET_NAME, (long)p->name, 0, 0);
    p->umask = (uint32_t)sys_call(SYS_umask, 0, 0, 0, 0); /* the only way to read it is to set it */
    sys_call(SYS_umask, p->umask, 0, 0, 0);
    for (int i = 0; i < LIMITS; i++)
        sys_call(SYS_prlimit64, 0, i, 0, (long)&p->limits[i]);
    /* "(unreachable)/x": the directory lies outside of our root, getcwd(2). */
    if (sys_call(SYS_getcwd, (long)p->directory, sizeof p->directory, 0, 0) < 0 || p->directory[0] != '/')
        p->directory[0] = '\0';
    return sizeof *p;
}

static void describe(struct out *o, const void *note, size_t size)
{
    const struct image_process *p = note;
    (void)size;
    out_printf(o, "  name %s, umask %03o, working directory %s\n", p->name, p->umask, p->directory);
    out_printf(o, "  limits: stack %ld, data %ld, files %ld (-1: none)\n", (long)p->limits[RLIMIT_STACK].rlim_cur,
               (long)p->limits[RLIMIT_DATA].rlim_cur, (long)p->limits[RLIMIT_NOFILE].rlim_cur);
}

/* A hard limit above ours needs privilege: then as much as we may. */
static void restore_limit(int which, const struct rlimit *wanted)
{
    struct rlimit own, limit = *wanted;
    struct out o;
    if (sys_call(SYS_prlimit64, 0, which, (long)wanted, (long)&own) == 0)
        return;
    sys_call(SYS_prlimit64, 0, which, 0, (long)&own);
    limit.rlim_max = own.rlim_max;
    limit.rlim_cur = limit.rlim_cur < own.rlim_max ? limit.rlim_cur : own.rlim_max;
    long error = sys_call(SYS_prlimit64, 0, which, (long)&limit, 0);
    if (error == 0 && limit.rlim_cur == wanted->rlim_cur)
        return;
    out_init(&o, 2);
    out_printf(&o, "restart: resource limit %d was %ld and is now %ld\n", which, (long)wanted->rlim_cur, (long)limit.rlim_cur);
    out_flush(&o);
}

static long restore(const struct restore_request *request, const void *note, size_t size)
{
    const struct image_process *p = note;
    (void)request, (void)size;
    for (int i = 0; i < LIMITS; i++)
        restore_limit(i, &p->limits[i]);
    long error = p->directory[0] == '\0' ? -ENOENT : sys_call(SYS_chdir, (long)p->directory, 0, 0, 0);
    if (error != 0) {
        out_complain("restart", "the working directory is not restored", p->directory);
        out_complain("restart", "chdir", out_error_text(-error));
    }
    sys_call(SYS_umask, p->umask, 0, 0, 0);
    sys_call(SYS_prctl, PR_SET_NAME, (long)p->name, 0, 0);
    return 0;
}

const struct part process_part = {
    .type = NOTE_PROCESS,
    .name = "process",
    .min_size = sizeof(struct image_process),
    .save = save,
    .describe = describe,
    .restore = restore,
};
