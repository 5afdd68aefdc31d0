/*
 * file_calls.c - calls that have to do with files, right ones and wrong ones; of each the answer, errno, and what came.
 *
 * It works in a folder with `text` (10 lines of 10 bytes), and a FIFO `fifo`. test_remote.py runs it at home, and as a job of
 * ckpt-shadow's, and compares line by line. So nothing is printed that may differ between two runs: no time, address or
 * inode number. One line is one call.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>

static char buf[8192];
static struct stat st;
static int signals;
static long result;
static char *volatile nowhere = (char *)1; // NOLINT
static volatile int too_few = -1, too_many = 2000;

static void answer(const char *call, long result, int error)
{
    printf("%s = %ld%s%s\n", call, result, result < 0 ? " " : "", result < 0 ? strerror(error) : "");
}

/* What read(2) and its relatives brought. */
static void came(const char *call, long result, int error)
{
    answer(call, result, error);
    for (long i = 0; i < result && i < 200; i++)
        printf("%c", buf[i] >= ' ' && buf[i] <= '~' ? buf[i] : '.');
    if (result > 0)
        printf("\n");
}

/* What stat(2) and its relatives brought. Directories have sizes that depend on their past. */
static void status(const char *call, long result, int error)
{
    answer(call, result, error);
    if (result == 0)
        printf("%o, %ld links, %ld bytes, of %d\n", st.st_mode, (long)st.st_nlink,
               S_ISDIR(st.st_mode) ? 0 : (long)st.st_size, (int)st.st_uid);
}

#define CALL(call) (errno = 0, result = (long)(call), answer(#call, result, errno))
#define READ(call) (errno = 0, result = (long)(call), came(#call, result, errno))
#define STAT(call) (errno = 0, result = (long)(call), status(#call, result, errno))

static void on_signal(int signal)
{
    (void)signal;
    signals++;
}

static void numbers(void)
{
    CALL(open("a", O_RDWR | O_CREAT | O_TRUNC, 0640));
    CALL(write(3, "hello world", 11));
    CALL(dup(3));
    CALL(lseek(4, 2, SEEK_SET));
    READ(read(3, buf, 3));
    CALL(lseek(4, 0, SEEK_CUR));
    CALL(dup2(3, 9));
    CALL(fcntl(3, F_DUPFD, 7));
    CALL(fcntl(3, F_DUPFD, 9));
    CALL(fcntl(10, F_GETFD));
    CALL(fcntl(3, F_DUPFD_CLOEXEC, 20));
    CALL(fcntl(20, F_GETFD));
    CALL(fcntl(20, F_SETFD, 0));
    CALL(fcntl(20, F_GETFD));
    CALL(close(4));
    CALL(close(4));
    CALL(open("b", O_RDWR | O_CREAT, 0600));
    CALL(dup2(3, 4));
    CALL(dup2(99, 4));
    CALL(dup2(3, 3));
    CALL(dup2(3, -1));
    CALL(dup2(3, 100000000));
    CALL(dup3(3, 3, 0));
    CALL(dup3(3, 30, O_CLOEXEC));
    CALL(dup3(3, 31, 5));
    CALL(fcntl(30, F_GETFD));
    CALL(fcntl(3, F_DUPFD, -1));
    CALL(close_range(20, 40, 0));
    CALL(close_range(9, 8, 0));
    CALL(fcntl(30, F_GETFD));
    CALL(close_range(7, 10, CLOSE_RANGE_CLOEXEC));
    CALL(fcntl(9, F_GETFD));
    CALL(fcntl(77, F_GETFD));
    CALL(close(-1));
    CALL(close_range(3, ~0U, 0));
    CALL(fcntl(3, F_GETFD));
}

static void pipes(void)
{
    int p[2];
    CALL(open("a", O_RDONLY));
    CALL(pipe(p));
    CALL(p[0] * 10 + p[1]);
    CALL(write(p[1], "pp", 2));
    READ(read(p[0], buf, 10));
    CALL(dup2(p[0], 3));
    CALL(close(p[0]));
    CALL(write(p[1], "q", 1));
    READ(read(3, buf, 3));
    CALL(lseek(p[1], 0, SEEK_SET));
    CALL(open("b", O_RDWR | O_CREAT, 0600));
    CALL(fcntl(p[1], F_GETFL));
    CALL(pipe2(p, O_NONBLOCK | O_CLOEXEC));
    READ(read(p[0], buf, 1));
    CALL(fcntl(p[0], F_GETFD));
    CALL(fcntl(p[0], F_GETPIPE_SZ));
    CALL(dup2(4, p[0]));
    CALL(signal(SIGPIPE, on_signal) == SIG_DFL);
    CALL(write(p[1], "x", 1));
    CALL(signals);
    CALL(close_range(3, ~0U, 0));
}

static void flags(void)
{
    CALL(open("a", O_RDWR | O_CREAT | O_TRUNC, 0640));
    CALL(fcntl(3, F_GETFL));
    CALL(fcntl(3, F_SETFL, O_APPEND | O_NONBLOCK));
    CALL(fcntl(3, F_GETFL));
    CALL(pwrite(3, "start", 5, 0));
    CALL(lseek(3, 0, SEEK_SET));
    CALL(write(3, "end", 3));
    CALL(lseek(3, 0, SEEK_CUR));
    CALL(fcntl(3, F_SETFL, 0));
    CALL(fcntl(3, F_GETFL));
    CALL(open("a", O_WRONLY | O_APPEND));
    CALL(fcntl(4, F_GETFL));
    READ(read(4, buf, 1));
    CALL(open("a", O_RDONLY | O_CLOEXEC));
    CALL(fcntl(5, F_GETFD));
    CALL(write(5, "x", 1));
    CALL(ftruncate(5, 0));
    CALL(open("a", O_PATH));
    READ(read(6, buf, 1));
    STAT(fstat(6, &st));
    CALL(open("a", O_RDONLY | O_DIRECTORY));
    CALL(open("a", O_CREAT | O_EXCL | O_RDWR, 0600));
    CALL(open(".", O_RDWR));
    CALL(open(".", O_TMPFILE | O_RDWR, 0600));
    CALL(write(7, "temporary", 9));
    STAT(fstat(7, &st));
    CALL(creat("cr", 0644));
    CALL(openat(AT_FDCWD, "cr", O_RDWR | O_TRUNC | O_SYNC | O_NOATIME));
    CALL(close_range(3, ~0U, 0));
}

static void names(void)
{
    CALL(link("a", "a2"));
    CALL(symlink("a", "s"));
    READ(readlink("s", buf, 100));
    READ(readlink("a", buf, 100));
    READ(readlink("s", buf, 0));
    STAT(lstat("s", &st));
    STAT(stat("s", &st));
    CALL(open("s", O_RDONLY | O_NOFOLLOW));
    CALL(rename("a2", "a3"));
    CALL(rename("a2", "a3"));
    CALL(renameat2(AT_FDCWD, "a3", AT_FDCWD, "a", RENAME_NOREPLACE));
    CALL(renameat2(AT_FDCWD, "a3", AT_FDCWD, "b", RENAME_EXCHANGE));
    STAT(stat("b", &st));
    CALL(rename("a3", "nothing/a3"));
    CALL(unlink("a2"));
    CALL(unlink("a3"));
    CALL(linkat(AT_FDCWD, "s", AT_FDCWD, "s2", 0));
    CALL(linkat(AT_FDCWD, "s", AT_FDCWD, "s3", AT_SYMLINK_FOLLOW));
    STAT(lstat("s2", &st));
    STAT(lstat("s3", &st));
    CALL(access("a", R_OK | W_OK));
    CALL(access("a", X_OK));
    CALL(access("zz", F_OK));
    CALL(access("a", 99));
    CALL(symlink("loop", "loop"));
    CALL(open("loop", O_RDONLY));
    STAT(stat("a/b", &st));
    STAT(stat("a/", &st));
    CALL(remove("s2"));
    CALL(unlink("."));
    CALL(truncate("a", 3));
    CALL(truncate("a", -1));
    CALL(truncate("nothing", 3));
    CALL(remove("nothing"));
}

static void directories(void)
{
    CALL(mkdir("d", 0700));
    CALL(mkdir("d", 0700));
    CALL(rmdir("nod"));
    CALL(open("d", O_RDONLY | O_DIRECTORY));
    READ(read(3, buf, 10));
    CALL(openat(3, "in", O_CREAT | O_RDWR, 0644));
    CALL(rmdir("d"));
    CALL(unlink("d"));
    CALL(close(4));
    STAT(fstatat(3, "in", &st, 0));
    STAT(fstatat(3, "", &st, AT_EMPTY_PATH));
    STAT(fstatat(3, "", &st, 0));
    STAT(fstatat(3, "in", &st, 0x4000000));
    CALL(faccessat(3, "in", R_OK, 0));
    CALL(mkdirat(3, "deep", 0755));
    CALL(symlinkat("../text", 3, "up"));
    READ(readlinkat(3, "up", buf, 100));
    CALL(openat(3, "up", O_RDONLY));
    READ(read(4, buf, 10));
    CALL(openat(3, "../../../../../../../../../../etc/passwd", O_RDONLY) >= 0);
    CALL(fchdir(3));
    CALL(fchdir(4));
    CALL(strcmp(strrchr(getcwd(buf, sizeof buf), '/'), "/d"));
    CALL(getcwd(buf, 2) == NULL);
    CALL(chdir("nothing"));
    CALL(chdir("in"));
    CALL(chdir(".."));
    CALL(scandir("d", &(struct dirent **){NULL}, NULL, alphasort));
    CALL(unlinkat(3, "in", AT_REMOVEDIR));
    CALL(unlinkat(3, "in", 0));
    CALL(unlinkat(3, "up", 0));
    CALL(unlinkat(3, "deep", AT_REMOVEDIR));
    CALL(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR));
    CALL(openat(3, "in", O_CREAT | O_RDWR, 0644));
    CALL(openat(77, "in", O_RDONLY));
    CALL(openat(5, "in", O_RDONLY));
    CALL(close_range(3, ~0U, 0));
}

static void entries(void)
{
    CALL(mkdir("many", 0755) || chdir("many"));
    for (int i = 0; i < 300; i++)
        close(open((snprintf(buf, sizeof buf, "an-entry-with-a-long-name-%d", i), buf), O_CREAT | O_WRONLY, 0600));
    DIR *directory = opendir(".");
    for (int round = 0; round < 2; round++) {
        int count = 0;
        unsigned sum = 0;
        for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory), count++)
            for (const char *c = entry->d_name; *c != '\0'; c++)
                sum += (unsigned char)*c;
        CALL(count);
        CALL(sum);
        rewinddir(directory);
    }
    CALL(lseek(dirfd(directory), 0, SEEK_CUR));
    CALL(syscall(SYS_getdents64, dirfd(directory), buf, 10));
    CALL(syscall(SYS_getdents64, 77, buf, 1000));
    CALL(closedir(directory));
    CALL(opendir("nothing") == NULL);
    CALL(chdir(".."));
}

static void offsets(void)
{
    CALL(open("text", O_RDWR));
    READ(read(3, buf, 5));
    READ(pread(3, buf, 5, 12));
    READ(pread(3, buf, 5, 98));
    READ(pread(3, buf, 5, 1000));
    READ(pread(3, buf, 5, -1));
    READ(pread(3, buf, 0, 3));
    CALL(lseek(3, -5, SEEK_END));
    READ(read(3, buf, 100));
    READ(read(3, buf, 100));
    CALL(lseek(3, -5, SEEK_SET));
    CALL(lseek(3, 0, 99));
    CALL(lseek(3, 1L << 40, SEEK_SET));
    READ(read(3, buf, 1));
    CALL(open("holes", O_RDWR | O_CREAT | O_TRUNC, 0600));
    CALL(pwrite(4, "end", 3, 1 << 20));
    CALL(lseek(4, 0, SEEK_HOLE));
    CALL(lseek(4, 0, SEEK_DATA));
    CALL(lseek(4, 1 << 21, SEEK_DATA));
    CALL(fallocate(4, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1 << 20, 2));
    READ(pread(4, buf, 10, 1 << 20));
    CALL(fallocate(4, 0, 0, 2 << 20));
    CALL(fallocate(4, 0, 0, 0));
    CALL(posix_fallocate(4, 0, 200));
    CALL(ftruncate(4, 20));
    CALL(ftruncate(4, -1));
    STAT(fstat(4, &st));
    CALL(copy_file_range(3, &(off_t){10}, 4, &(off_t){0}, 15, 0));
    READ(pread(4, buf, 20, 0));
    CALL(readahead(3, 0, 10));
    CALL(posix_fadvise(3, 0, 0, POSIX_FADV_SEQUENTIAL));
    CALL(sync_file_range(4, 0, 10, SYNC_FILE_RANGE_WRITE));
    CALL(fsync(4) || fdatasync(4) || syncfs(4));
    CALL(close_range(3, ~0U, 0));
}

static void vectors(void)
{
    struct iovec out[3] = {{"ab", 2}, {"cde", 3}, {"", 0}};
    struct iovec in[2] = {{buf, 2}, {buf + 2, 3}};
    int p[2];
    CALL(open("v", O_RDWR | O_CREAT | O_TRUNC, 0600));
    CALL(writev(3, out, 3));
    CALL(lseek(3, 0, SEEK_SET));
    READ(readv(3, in, 2));
    CALL(pwritev(3, out, 2, 7));
    READ(preadv(3, in, 2, 7));
    READ(preadv2(3, in, 2, 8, 0));
    CALL(preadv2(3, in, 2, 8, 1 << 30));
    CALL(writev(3, out, too_few));
    CALL(writev(3, out, too_many));
    CALL(readv(3, in, 0));
    CALL(lseek(3, 0, SEEK_END));
    CALL(pipe(p));
    CALL(writev(p[1], out, 3));
    READ(readv(p[0], in, 2));
    CALL(preadv(p[0], in, 2, 0));
    CALL(readv(77, in, 2));
    CALL(close_range(3, ~0U, 0));
}

static void attributes(void)
{
    struct timespec times[2] = {{100, 5}, {200, 6}};
    CALL(umask(077));
    CALL(open("u", O_CREAT | O_WRONLY, 0666));
    STAT(fstat(3, &st));
    CALL(umask(022));
    CALL(chmod("u", 0604));
    CALL(chmod("nothing", 0600));
    STAT(stat("u", &st));
    CALL(fchmod(3, 0641));
    CALL(fchmodat(AT_FDCWD, "u", 0640, 0));
    CALL(fchown(3, (uid_t)-1, (gid_t)-1));
    CALL(chown("u", getuid(), getgid()));
    CALL(lchown("nothing", 0, 0));
    CALL(fchownat(AT_FDCWD, "u", getuid(), getgid(), AT_SYMLINK_NOFOLLOW));
    CALL(utimensat(AT_FDCWD, "u", times, 0));
    STAT(stat("u", &st));
    CALL(st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec);
    CALL(utimensat(AT_FDCWD, "u", (struct timespec[2]){{0, -1}, {0, -1}}, 0));
    CALL(futimens(3, NULL));
    CALL(utimes("nothing", NULL));
    CALL(setxattr("u", "user.x", "value", 5, 0));
    READ(getxattr("u", "user.x", buf, 10));
    READ(getxattr("u", "user.x", buf, 2));
    READ(getxattr("u", "user.x", NULL, 0) > 0);
    READ(listxattr("u", buf, 100));
    CALL(fsetxattr(3, "user.y", "other", 5, XATTR_REPLACE));
    READ(fgetxattr(3, "user.x", buf, 10));
    CALL(removexattr("u", "user.x"));
    READ(lgetxattr("u", "user.x", buf, 10));
    CALL(statx(AT_FDCWD, "u", 0, STATX_SIZE, &(struct statx){0}));
    CALL(statfs(".", &(struct statfs){0}));
    CALL(fstatfs(3, &(struct statfs){0}));
    CALL(statvfs("nothing", &(struct statvfs){0}));
    CALL(close_range(3, ~0U, 0));
}

static void locks(void)
{
    struct flock lock = {.l_type = F_WRLCK, .l_len = 5};
    CALL(open("a", O_RDWR));
    CALL(open("a", O_RDONLY));
    CALL(fcntl(3, F_SETLK, &lock));
    CALL(fcntl(4, F_SETLK, &lock));
    CALL(fcntl(4, F_GETLK, &lock));
    CALL(lock.l_type);
    CALL(fcntl(3, F_SETLKW, &lock));
    CALL(fcntl(3, F_SETLK, &(struct flock){.l_type = 99}));
    CALL(flock(3, LOCK_EX));
    CALL(flock(4, LOCK_SH | LOCK_NB));
    CALL(flock(3, LOCK_UN));
    CALL(flock(4, LOCK_SH | LOCK_NB));
    CALL(flock(3, 99));
    CALL(lockf(3, F_TLOCK, 10));
    CALL(fcntl(3, F_OFD_SETLK, &(struct flock){.l_type = F_WRLCK, .l_start = 50, .l_len = 5}));
    CALL(fcntl(4, F_OFD_SETLK, &(struct flock){.l_type = F_RDLCK, .l_start = 50, .l_len = 5}));
    CALL(fcntl(77, F_SETLK, &lock));
    CALL(fcntl(3, 9999));
    CALL(close_range(3, ~0U, 0));
}

static void wrong(void)
{
    char long_name[300];
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    CALL(open("a", O_RDWR));
    CALL(open("", O_RDONLY));
    CALL(open("nothing", O_RDONLY));
    CALL(open(nowhere, O_RDONLY));
    CALL(open(long_name, O_CREAT | O_RDWR, 0600));
    STAT(stat(long_name, &st));
    memset(buf, 'x', 5000);
    buf[5000] = '\0';
    CALL(mkdir(buf, 0700));
    CALL(read(3, nowhere, 5));
    CALL(write(3, nowhere, 5));
    CALL(lseek(3, 0, SEEK_CUR));
    CALL(stat("a", (struct stat *)nowhere));
    CALL(getcwd(nowhere, 100) == NULL);
    CALL(pipe((int *)nowhere));
    CALL(read(77, buf, 1));
    CALL(write(-1, buf, 1));
    STAT(fstat(77, &st));
    CALL(isatty(3));
    CALL(ioctl(3, TCGETS, buf));
    CALL(ioctl(3, FIONREAD, &(int){0}));
    CALL(ioctl(3, TIOCGWINSZ, &(struct winsize){0}));
    CALL(ioctl(3, 0x1234, 0));
    CALL(ioctl(77, FIONREAD, &(int){0}));
    CALL(tcgetattr(0, &(struct termios){0}));
    CALL(ttyname(0) != NULL);
    CALL(poll((struct pollfd *)nowhere, 1, 0));
    CALL(syscall(9999));
    CALL(close_range(3, ~0U, 0));
}

static void maps(void)
{
    const int both = PROT_READ | PROT_WRITE;
    CALL(open("text", O_RDWR));
    CALL(open("a", O_WRONLY));
    char *memory = mmap(NULL, 4096, both, MAP_PRIVATE, 3, 0);
    CALL(memory == MAP_FAILED);
    CALL(memory[0] * 1000 + memory[99] * 10 + memory[100]);
    memory[0] = 'Z';
    READ(pread(3, buf, 1, 0));
    CALL(munmap(memory, 4096));
    memory = mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0);
    CALL(memory == MAP_FAILED);
    CALL(memory[20]);
    CALL(munmap(memory, 4096));
    CALL(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 1) == MAP_FAILED);
    CALL(errno);
    CALL(mmap(NULL, 0, PROT_READ, MAP_PRIVATE, 3, 0) == MAP_FAILED);
    CALL(errno);
    CALL(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 77, 0) == MAP_FAILED);
    CALL(errno);
    CALL(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 4, 0) == MAP_FAILED);
    CALL(errno);
    CALL(memfd_create("x", 0));
    CALL(ftruncate(5, 4096));
    CALL(mmap(NULL, 4096, both, MAP_SHARED, 5, 0) == MAP_FAILED);
    CALL(close_range(3, ~0U, 0));
}

static void many_files_at_once(void)
{
    int p[2];
    CALL(open("a", O_RDWR));
    CALL(pipe(p));
    CALL(open("fifo", O_RDWR));
    struct pollfd polled[4] = {{3, POLLIN | POLLOUT, 0}, {p[1], POLLOUT, 0}, {p[0], POLLIN, 0}, {6, POLLIN, 0}};
    CALL(poll(polled, 4, 0));
    CALL(polled[0].revents * 1000 + polled[1].revents * 100 + polled[2].revents * 10 + polled[3].revents);
    CALL(poll(polled + 2, 2, 10));
    CALL(write(6, "first", 5));
    CALL(poll(polled + 2, 2, -1));
    CALL(polled[3].revents);
    CALL(poll(&(struct pollfd){77, POLLIN, 0}, 1, 0));
    fd_set set;
    FD_ZERO(&set);
    FD_SET(3, &set);
    FD_SET(p[0], &set);
    FD_SET(6, &set);
    CALL(select(20, &set, NULL, NULL, &(struct timeval){0, 1000}));
    CALL(FD_ISSET(3, &set) * 100 + FD_ISSET(p[0], &set) * 10 + FD_ISSET(6, &set));
    FD_SET(55, &set);
    CALL(select(60, &set, NULL, NULL, &(struct timeval){0, 1000}));
    CALL(read(6, nowhere, 3)); /* takes nothing out */
    READ(read(6, buf, 3));
    READ(read(6, buf, 30));
    CALL(fcntl(6, F_SETFL, O_NONBLOCK));
    READ(read(6, buf, 3));
    CALL(dup(6));
    CALL(fcntl(7, F_GETFL));
    CALL(epoll_create1(0));
    CALL(epoll_ctl(8, EPOLL_CTL_ADD, 3, &(struct epoll_event){.events = EPOLLIN}));
    CALL(epoll_ctl(8, EPOLL_CTL_ADD, p[0], &(struct epoll_event){.events = EPOLLIN}));
    CALL(epoll_wait(8, &(struct epoll_event){0}, 1, 0));
    CALL(close_range(3, ~0U, 0));
}

static void streams(void)
{
    FILE *file = fopen("x", "w+");
    CALL(file == NULL);
    CALL(fprintf(file, "line %d\nanother\n", 1));
    CALL(fseek(file, 2, SEEK_SET));
    CALL(fgets(buf, 100, file) == NULL);
    CALL(strcmp(buf, "ne 1\n"));
    CALL(ftell(file));
    CALL(fclose(file));
    CALL(fopen("nothing", "r") == NULL);
    CALL((file = tmpfile()) == NULL && errno != EACCES);
    file = freopen("text", "r", stdin);
    CALL(file == NULL);
    CALL(fileno(file));
    CALL(fgetc(file));
    char name[] = "tempXXXXXX";
    CALL(mkstemp(name) >= 0);
    CALL(unlink(name));
    CALL(close_range(3, ~0U, 0));
}

static void masks(void)
{
    sigset_t all, old;
    struct sigaction action = {.sa_handler = on_signal}, before;
    sigfillset(&all);
    CALL(sigprocmask(SIG_BLOCK, &all, &old));
    CALL(sigismember(&old, SIGSYS));
    CALL(sigprocmask(SIG_BLOCK, NULL, &old));
    CALL(sigismember(&old, SIGTERM));
    STAT(stat("text", &st));
    sigemptyset(&all);
    CALL(sigprocmask(SIG_SETMASK, &all, NULL));
    CALL(sigaction(SIGSYS, &action, &before));
    CALL(before.sa_handler == SIG_DFL);
    CALL(sigaction(SIGSYS, NULL, &before));
    CALL(before.sa_handler == on_signal);
    CALL(syscall(SYS_rt_sigaction, SIGSYS, NULL, nowhere, 8));
    CALL(sigprocmask(SIG_BLOCK, NULL, (sigset_t *)nowhere));
    CALL(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, strchr("read only", 'r'), 8));
    CALL(readlink("/proc/self/exe", nowhere, 5));
    CALL(sigaction(SIGUSR1, &action, NULL));
    CALL(raise(SIGUSR1));
    CALL(kill(getpid(), SIGUSR1));
    CALL(signals);
}

/* Each timer ends the wait behind it. */
static void after_a_moment(void)
{
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 20000}}, NULL);
}

static void waits(void)
{
    sigset_t rest, alarm;
    sigfillset(&rest);
    sigdelset(&rest, SIGALRM);
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    CALL(sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_signal}, NULL));
    CALL(open("fifo", O_RDWR));
    struct pollfd polled = {3, POLLIN, 0};
    after_a_moment(), READ(read(3, buf, 1));
    after_a_moment(), CALL(poll(&polled, 1, -1));
    after_a_moment(), CALL(pause());
    after_a_moment(), CALL(sigsuspend(&rest));
    sigprocmask(SIG_BLOCK, &alarm, NULL);
    after_a_moment(), CALL(ppoll(&polled, 1, NULL, &rest));
    fd_set set;
    FD_ZERO(&set);
    FD_SET(3, &set);
    after_a_moment(), CALL(pselect(4, &set, NULL, NULL, NULL, &rest));
    CALL(signals);
    CALL(signalfd(-1, &alarm, 0));
    after_a_moment(), CALL(read(4, buf, sizeof buf));
    CALL(sigprocmask(SIG_UNBLOCK, &alarm, NULL));
    CALL(close_range(3, ~0U, 0));
}

static void other_files(void)
{
    CALL(open("/dev/null", O_RDWR));
    CALL(fstat(3, &(struct stat){0}));
    CALL(write(3, "x", 1));
    READ(read(3, buf, 1));
    CALL(open("/dev/zero", O_RDONLY));
    READ(read(4, buf, 3));
    CALL(open("/dev/full", O_WRONLY));
    CALL(write(5, "x", 1));
    CALL(open("/dev/urandom", O_RDONLY));
    CALL(read(6, buf, 16));
    CALL(eventfd(3, 0));
    CALL(read(7, buf, 8));
    CALL(timerfd_create(CLOCK_MONOTONIC, 0));
    CALL(open("text", O_RDONLY));
    CALL(open("/dev/fd/9", O_RDONLY));
    READ(read(10, buf, 3));
    READ(read(9, buf, 3));
    READ(readlink("/proc/self/fd/9", buf, 1));
    READ(readlink("/proc/self/cwd", buf, 1));
    READ(readlink("/proc/self/exe", buf, 1));
    READ(readlink("/proc/self/nothing", buf, 1));
    CALL(open("/proc/self/stat", O_RDONLY));
    CALL(read(11, buf, 2));
    CALL(open("/proc/self/exe", O_RDONLY));
    CALL(open("/etc/passwd", O_RDONLY) >= 0);
    CALL(close_range(3, ~0U, 0));
}

/* Who asks for the user that he has. */
static void users(void)
{
    CALL(setuid(getuid()));
    CALL(setgid(getgid()));
    CALL(seteuid(geteuid()));
    CALL(setreuid((uid_t)-1, (uid_t)-1));
    CALL(setregid(getgid(), (gid_t)-1));
    CALL(setresuid(getuid(), getuid(), getuid()));
    CALL(setresgid((gid_t)-1, getgid(), (gid_t)-1));
    CALL(setuid((uid_t)-1));
    CALL(setgid((gid_t)-1));
}

/* What a job's answers differ in is here, so that the lines above cannot hide behind it. */
static void known_to_differ(void)
{
    struct iovec out[2] = {{"ab", 2}, {"cde", 3}}, wrong[2] = {{"ab", 2}, {nowhere, 3}};
    CALL(open("a", O_PATH));
    CALL(fchmod(3, 0600));
    CALL(dup2(open("text", O_RDWR), 3));
    CALL(fcntl(3, F_SETFL, O_NONBLOCK));
    CALL((fcntl(4, F_GETFL) & O_NONBLOCK) != 0);
    CALL(sendfile(3, 4, NULL, 0));
    CALL(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 3, 0) != MAP_FAILED);
    CALL(open("fifo", O_RDWR));
    CALL(epoll_create1(0));
    CALL(epoll_ctl(6, EPOLL_CTL_ADD, 5, &(struct epoll_event){.events = EPOLLIN}));
    CALL(open("other", O_RDWR | O_CREAT | O_TRUNC, 0600));
    CALL(pwritev2(7, out, 2, -1, RWF_APPEND));
    CALL(writev(7, wrong, 2));
    CALL(ftruncate(7, 0));
    CALL(mkfifo("another", 0600));
    CALL(mknod("another", S_IFIFO | 0600, 0));
    CALL(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
    CALL(socket(AF_INET, SOCK_DGRAM, 0) >= 0);
    CALL(inotify_init() >= 0);
    CALL(posix_openpt(O_RDWR) >= 0);
    CALL(kill(getppid(), 0));
    CALL(lstat("/proc/self/exe", &(struct stat){0}));
    CALL(S_ISLNK((lstat("/proc/self/exe", &st), st.st_mode)));
    CALL(open("/nothing/at/all", O_RDONLY));
    CALL(open("/proc", O_RDONLY | O_DIRECTORY) >= 0);
    CALL(access("/", R_OK));
    CALL(chdir("/"));
    CALL(chdir("/proc"));
}

/* A child would write what waits in stdout once more, were stdout not written line by line. */
static void processes(void)
{
    CALL(execl("/nothing", "nothing", (char *)NULL));
    pid_t child = fork();
    if (child == 0)
        _exit(7);
    CALL(child > 0);
    CALL(waitpid(child, NULL, 0) > 0);
}

int main(void)
{
    close_range(3, ~0U, 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    umask(022);
    void (*const parts[])(void) = {numbers, pipes, flags, names, directories, entries, offsets, vectors, attributes, locks,
                                   wrong, maps, many_files_at_once, streams, masks, waits, other_files, users,
                                   known_to_differ, processes};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        parts[i]();
    return 9;
}
