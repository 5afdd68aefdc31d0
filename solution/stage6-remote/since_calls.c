/*
 * since_calls.c - what a call of the job's has changed at home.
 *
 * A call that is not named here counts as one that nobody can take back.
 */
#include "since.h"
#include "libc.h"
#include "syscall_stubs.h"

#include <sys/sysmacros.h>

#define MEMORY_DEVICES 1 /* /dev/null, zero, full: kernel, Documentation/admin-guide/devices.txt */

/*
 * They change nothing; or what since_go_back() puts back; or what since_opened() and since_parks() have seen.  By
 * name: what stubs.tmpl does not have (yet) has no number.
 */
static const char *const harmless_names[] = {
    "COUNT", "open", "openat", "creat", "close", "dup", "fcntl_F_GETFL", "fcntl_F_SETFL", "fcntl_F_GETLK",
    "fcntl_F_OFD_GETLK", "fcntl_F_GETPIPE_SZ", "lseek", "getdents", "getdents64", "fsync", "fdatasync",
    "sync", "syncfs", "sync_file_range", "fadvise64", "readahead", "stat", "lstat", "fstat", "newfstatat",
    "statx", "statfs", "fstatfs", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getxattr",
    "lgetxattr", "fgetxattr", "listxattr", "llistxattr", "flistxattr", "getcwd", "chdir", "fchdir", "umask",
    "ioctl_TCGETS", "ioctl_TCGETS2", "ioctl_TIOCGWINSZ", "ioctl_TIOCOUTQ", "ioctl_FIONREAD", "poll", "getuid",
    "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups",
};

static bool is_harmless(unsigned call)
{
    static bool harmless[CALL_COUNT]; /* [CALL_NONE]: it is filled */
    for (unsigned i = 1; i < CALL_COUNT && !harmless[CALL_NONE]; i++)
        for (size_t k = 0; k < sizeof harmless_names / sizeof *harmless_names; k++)
            harmless[i] |= strcmp(call_names[i], harmless_names[k]) == 0;
    harmless[CALL_NONE] = true;
    return harmless[call];
}

/* Does it give the same bytes again, and take them again? */
static bool is_patient(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) ||
                                   (S_ISCHR(st.st_mode) && major(st.st_rdev) == MEMORY_DEVICES));
}

static void bytes_read(int fd, long count)
{
    if (count > 0 && !is_patient(fd))
        since_cannot("read from: %s", since_name(fd));
}

/* `start`: -1 where the descriptor's own offset says it. */
static void bytes_written(int fd, off_t start, long count)
{
    if (since_has_messages(fd)) {
        if (fd != STDERR_FILENO)
            since_cannot("written to: %s, where standard error goes as well", since_name(fd));
        return;
    }
    struct changed_file *file = since_file(fd);
    if (file == NULL && count > 0 && !is_patient(fd))
        since_cannot("written to: %s", since_name(fd));
    if (file == NULL || count <= 0)
        return;
    if (fcntl(fd, F_GETFL) & O_APPEND)
        start = file->ours;
    else if (start < 0)
        start = lseek(fd, 0, SEEK_CUR) - count;
    if (start < file->then)
        since_settle(file, "written in place");
    if (start + count > file->ours)
        file->ours = start + count;
}

static void size_set(int fd, off_t size)
{
    struct changed_file *file = since_file(fd);
    if (file != NULL && size >= file->then)
        file->ours = size;
    else if (file != NULL)
        since_settle(file, "cut");
}

static struct changed_file *made_with_path(const char *path)
{
    for (size_t i = 0; i < since.file_count; i++)
        if (since.files[i].made && !since.files[i].settled && strcmp(since.files[i].path, path) == 0)
            return &since.files[i];
    return NULL;
}

/* A file that was made since then is the job's own affair: its mode, its times, and its end. */
static void path_changed(const struct request *r)
{
    unsigned call = r->head->call;
    bool gone = call == CALL_unlink || call == CALL_unlinkat;
    bool own = gone || call == CALL_chmod || call == CALL_fchmodat || call == CALL_fchmodat2 ||
               call == CALL_utimensat || call == CALL_utime || call == CALL_utimes || call == CALL_futimesat;
    struct changed_file *file = own ? made_with_path(r->changes) : NULL;
    if (file == NULL)
        since_cannot("%s: %s", call_names[call], r->changes);
    else
        file->settled = gone;
}

static void lock_changed(const struct request *r)
{
    unsigned call = r->head->call;
    since.locks |= call != CALL_fcntl_F_SETLK && call != CALL_fcntl_F_SETLKW;
    since_cannot("locks: %s", since_name((int)r->arguments[0]));
}

/* With a descriptor as its first argument: fchmod, fallocate, TCSETS... */
static void other_change(const struct request *r)
{
    int fd = (int)r->arguments[0];
    bool has_fd = r->arguments[0] >= 0 && r->arguments[0] < JOB_FILES && job_has(fd);
    struct changed_file *file = has_fd ? since_file(fd) : NULL;
    if (file != NULL && r->head->call != CALL_fallocate && file->made)
        return;
    since_cannot("%s: %s", call_names[r->head->call], has_fd ? since_name(fd) : "");
}

void since_call(const struct request *r, long result)
{
    int fd = (int)r->arguments[0];
    unsigned call = r->head->call;
    if (!since.noting || is_harmless(call))
        return;
    switch (call) {
    case CALL_read:
    case CALL_pread64: bytes_read(fd, result); break;
    case CALL_write: bytes_written(fd, -1, result); break;
    case CALL_pwrite64: bytes_written(fd, (off_t)r->arguments[3], result); break;
    case CALL_copy_file_range: since_cannot("written to: %s", since_name((int)r->arguments[2])); break;
    case CALL_ftruncate: size_set(fd, (off_t)r->arguments[1]); break;
    case CALL_fcntl_F_SETLK:
    case CALL_fcntl_F_SETLKW:
    case CALL_fcntl_F_OFD_SETLK:
    case CALL_fcntl_F_OFD_SETLKW:
    case CALL_flock: lock_changed(r); break;
    default:
        if (r->changes[0] != '\0')
            path_changed(r);
        else
            other_change(r);
    }
}
