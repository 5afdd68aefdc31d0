/*
 * live_state.c - the program and the child that saves it: how each hears of the other.  System calls only.  Given.
 */
#include "live.h"
#include "open_kind.h"

#include <linux/futex.h>
#include <linux/kcmp.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define NAP (100L * 1000 * 1000) /* ns: who waits looks that often whether the other one is still there */
#ifndef SYS_close_range /* Linux 5.9; the number is the same everywhere */
#define SYS_close_range 436
#endif
#define UNSHARE 2 /* CLOSE_RANGE_UNSHARE */
#ifndef CLONE_FILES
#define CLONE_FILES 0x400
#endif

void live_set_state(struct live *live, enum live_state state)
{
    __atomic_store_n(&live->state, state, __ATOMIC_SEQ_CST);
    sys_call(SYS_futex, (long)&live->state, FUTEX_WAKE, 2, 0);
}

bool live_change_state(struct live *live, enum live_state from, enum live_state to)
{
    uint32_t expected = from;
    if (!__atomic_compare_exchange_n(&live->state, &expected, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return false;
    sys_call(SYS_futex, (long)&live->state, FUTEX_WAKE, 2, 0);
    return true;
}

/*
 * There is a file of this name if a mapping begins and ends just there.  Who may not look, since it is not
 * dumpable, is refused later: true.
 */
static bool is_mapped(uint64_t start, uint64_t size)
{
    char path[96];
    struct stat st;
    struct number from = text_number(start, 16), to = text_number(start + round_up(size, ARCH_PAGE_SIZE), 16);
    text_join(path, sizeof path, "/proc/self/map_files/", from.digits, "-", to.digits, NULL);
    return sys_call(SYS_newfstatat, AT_FDCWD, (long)path, (long)&st, AT_SYMLINK_NOFOLLOW) != -ENOENT;
}

bool live_is_there(struct arena *arena, uint64_t size, uint64_t birth)
{
    const uint64_t *there = &live_of(arena)->birth;
    return is_mapped((uint64_t)arena, size) && sys_can_read((uint64_t)there) && *there == birth;
}

void live_lend_name(char own[LIVE_NAME_ROOM])
{
    sys_call(SYS_prctl, PR_GET_NAME, (long)own, 0, 0);
    sys_call(SYS_prctl, PR_SET_NAME, (long)LIVE_NAME, 0, 0);
}

void live_own_name(const char own[LIVE_NAME_ROOM])
{
    sys_call(SYS_prctl, PR_SET_NAME, (long)own, 0, 0);
}

bool live_child_is_there(const struct live *live)
{
    siginfo_t info = {0};
    long error = sys_call(SYS_waitid, P_PID, live->child, (long)&info, WEXITED | WNOHANG | WNOWAIT | __WCLONE);
    return error == 0 && info.si_pid == 0;
}

bool live_wait(struct live *live, enum live_state state, bool (*other_is_there)(const struct live *))
{
    struct timespec nap = {0, NAP};
    while (live_state(live) == state) {
        if (!other_is_there(live))
            return live_state(live) != state;
        sys_call(SYS_futex, (long)&live->state, FUTEX_WAIT, (long)state, (long)&nap);
    }
    return true;
}

/* After execve(2) the program is another one, in other memory.  A kernel without kcmp(2) cannot tell. */
bool live_program_is_there(const struct live *live)
{
    if (sys_call(SYS_getppid, 0, 0, 0, 0) != live->program)
        return false;
    return live->forks || arch_syscall(SYS_kcmp, live->program, sys_getpid(), KCMP_VM, 0, 0, 0) <= 0;
}

bool live_send_signal(const struct live *live)
{
    bool sent = live_program_is_there(live) && live_would_survive(live);
    if (sent)
        sys_call(SYS_kill, live->program, live->signal, 0, 0);
    return sent;
}

/* Before Linux 5.9 there is a moment in which they are open twice: a lock of a file that is closed then stays. */
void live_own_descriptors(int but)
{
    if (sys_call(SYS_close_range, but + 1, ~0U, UNSHARE, 0) == 0 &&
        (but <= 0 || sys_call(SYS_close_range, 0, but - 1, 0, 0) == 0))
        return;
    uint64_t limit[2] = {1024, 0};
    sys_call(SYS_unshare, CLONE_FILES, 0, 0, 0);
    sys_call(SYS_prlimit64, 0, 7 /* RLIMIT_NOFILE */, 0, (long)limit);
    for (int fd = 0; (uint64_t)fd < limit[1] && fd < 1 << 20; fd++)
        if (fd != but)
            sys_close(fd);
}

void live_note_whole(struct live *live, const struct stat *st)
{
    live->device = st->st_dev;
    live->inode = st->st_ino;
}

bool live_is_named(const struct live *live)
{
    struct stat st;
    return live->inode != 0 &&
           sys_call(SYS_newfstatat, AT_FDCWD, (long)live->path, (long)&st, AT_SYMLINK_NOFOLLOW) == 0 &&
           st.st_dev == live->device && st.st_ino == live->inode;
}

void live_name_image(struct arena *arena)
{
    struct live *live = arena->live;
    struct stat st;
    if (live->error == 0)
        live->error = (int)sys_call(SYS_newfstatat, AT_FDCWD, (long)arena->temporary, (long)&st, 0);
    if (live->error == 0) {
        live_note_whole(live, &st);
        live->error = (int)sys_rename(arena->temporary, live->path);
    }
    if (live->error != 0)
        sys_unlink(arena->temporary);
}

void live_exit(struct live *live, bool failed)
{
    if (__atomic_exchange_n(&live->state, LIVE_OVER, __ATOMIC_SEQ_CST) == LIVE_AGAIN || failed)
        live_send_signal(live);
    sys_exit(0);
}

void live_say_failure(const struct live *live, int error)
{
    say("libckpt: no checkpoint; the program goes on: ", live->path, ": ", strerrordesc_np(-error), NULL);
}
