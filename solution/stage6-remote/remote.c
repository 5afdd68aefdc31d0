/*
 * remote.c - a job of ckpt-shadow's, inside libckpt.so: what stage 2 asks for by library.h.
 *
 *     at home         the constructor takes the first image (before main), and this process ends: remote_start()
 *     each life       the calls are caught from here on: library_remote_life()
 *     it shall leave  the next image goes home (remote_image.c), and this process ends: library_remote_saved()
 */
#include "remote.h"
#include "library.h"
#include "libc.h"
#include "manners.h"
#include "remote_table.h"
#include "sys.h"
#include "text.h"
#include "trap.h"
#include "trap_filter.h"

static bool is_job;
static char program[PATH_MAX];
const char *const remote_program = program;
struct remote_life remote_life = {-1, -1, -1};

/* What ckpt-shadow set is none of the program's business. */
static void clean_environment(void)
{
    static const char *const ours[] = {"CKPT_REMOTE", "CKPT_FULL", "CKPT_IMAGE", "CKPT_PID", "CKPT_SIGNAL",
                                       "CKPT_KEEP", "CKPT_TIMES", "LD_PRELOAD"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        unsetenv(ours[i]);
}

/* 0, 1 and 2 are the shadow's. */
static void note_standard(void)
{
    static const char *const names[] = {"standard input", "standard output", "standard error"};
    for (int fd = 0; fd < 3; fd++) {
        struct remote_file file = {.no_wait = false};
        strcpy(file.path, names[fd]);
        if (fcntl(fd, F_GETFD) >= 0)
            table_note(fd, fd, &file);
    }
}

void library_remote_start(int signal)
{
    if (strcmp(environment("CKPT_REMOTE", "0"), "1") != 0)
        return;
    is_job = true;
    if (realpath("/proc/self/exe", program) == NULL)
        strcpy(program, "/");
    clean_environment();
    note_standard();
    trap_register(signal);
    next_program_watch(0); /* it will be none: execve(2) is refused, and that is said */
    raise(signal); /* in the first life this does not return */
    if (remote_life.connection < 0)
        _exit(EX_SOFTWARE); /* the message has been said: no image */
}

/* The files that were open here when the image was made are open still, at home. */
void library_remote_life(void)
{
    if (!is_job)
        return;
    remote_call_begin_life();
    sys_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
    long error = trap_filter_install();
    if (error != 0) {
        remote_say("libckpt: the system calls of this job cannot be caught: ", strerrordesc_np((int)-error), NULL);
        sys_exit(EX_OSERR);
    }
}

bool library_remote_image(void)
{
    return is_job && remote_life.connection >= 0;
}

void library_remote_saved(int error)
{
    if (is_job && error == 0)
        sys_exit(EX_OK);
}

bool library_remote_says(const char *line)
{
    if (!is_job || remote_life.connection < 0)
        return false;
    remote_say(line, NULL);
    return true;
}

bool library_remote_owns(int fd)
{
    return is_job && remote_call_owns(fd);
}

/* NOTE_REMOTE, part_remote.c. */
long library_remote_note(void *note, size_t room)
{
    struct image_remote *to = note;
    if (!is_job)
        return 0;
    *to = (struct image_remote){.life = (uint64_t)&remote_life, .now = remote_life};
    for (int fd = 0; fd < TABLE_SIZE; fd++) {
        const struct remote_file *file = table_find(fd);
        if (file == NULL)
            continue;
        if (sizeof *to + (to->count + 1) * sizeof *to->files > room)
            return -E2BIG;
        struct image_remote_file *entry = &to->files[to->count++];
        *entry = (struct image_remote_file){.fd = fd, .real = file->real, .no_wait = file->no_wait};
        memcpy(entry->path, file->path, sizeof entry->path);
    }
    return (long)(sizeof *to + to->count * sizeof *to->files);
}
