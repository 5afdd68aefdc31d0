/*
 * kind_terminal.c - terminals.  The one of the first life may be gone, or somebody else's: the program gets
 * restart's own, with the settings that it had made (termios(3)).
 *
 * The size of a window belongs to the window, so it stays; the program hears of it by SIGWINCH, and draws its
 * screen anew.  Only a terminal that has no size at all (0 x 0) gets the one that was.
 */
#include "open_kind.h"

#include <asm/termbits.h>
#include <asm/ioctls.h>

struct window_size { /* struct winsize of <asm/termios.h>, ioctl_tty(2) */
    uint16_t rows, columns, width, height;
};

struct terminal {
    struct termios settings; /* the kernel's: <asm/termbits.h>, not libc's */
    struct window_size window;
};

static bool is_terminal(const struct fd_view *view)
{
    struct termios settings;
    return S_ISCHR(view->status.st_mode) && !text_starts(view->link, "/dev/ptmx") &&
           !text_starts(view->link, "/dev/pts/ptmx") &&
           sys_call(SYS_ioctl, view->fd, TCGETS, (long)&settings, 0) == 0;
}

static long save_terminal(struct files_save *save, struct open_file *file)
{
    struct terminal terminal = {0};
    sys_call(SYS_ioctl, file->fd, TCGETS, (long)&terminal.settings, 0);
    sys_call(SYS_ioctl, file->fd, TIOCGWINSZ, (long)&terminal.window, 0);
    return save_data(save, file, &terminal, sizeof terminal);
}

/* The path of restart's own terminal: of the first of its standard files that is one. */
static long own_terminal(char *path, size_t size)
{
    struct termios settings;
    char link[] = "/proc/self/fd/0";
    for (int fd = 0; fd <= 2; fd++) {
        link[sizeof link - 2] = (char)('0' + fd);
        if (sys_call(SYS_ioctl, fd, TCGETS, (long)&settings, 0) == 0)
            return sys_readlink(link, path, size);
    }
    return text_join(path, size, "/dev/tty", NULL) > 0 ? 0 : -ENOTTY;
}

static long open_terminal(const struct open_file_table *table, const struct open_file *file)
{
    char path[128] = "";
    long error = own_terminal(path, sizeof path - 1);
    return error < 0 ? error : sys_open(path, (int)file->flags | O_NOCTTY | O_CLOEXEC, 0);
}

/* All signals are blocked: SIGTTOU, too, so a job in the background may set its terminal. */
long kind_terminal_finish(const struct open_file_table *table, const struct open_file *file)
{
    struct terminal saved;
    struct window_size now = {0};
    if (file->data_size < sizeof saved || sys_call(SYS_ioctl, file->fd, TIOCGWINSZ, (long)&now, 0) != 0)
        return 0; /* it is none any more: a standard file that was redirected */
    memcpy(&saved, open_data(table, file), sizeof saved);
    long error = sys_call(SYS_ioctl, file->fd, TCSETS, (long)&saved.settings, 0);
    if (now.rows == 0 && now.columns == 0)
        sys_call(SYS_ioctl, file->fd, TIOCSWINSZ, (long)&saved.window, 0);
    else if (now.rows != saved.window.rows || now.columns != saved.window.columns ||
             !(saved.settings.c_lflag & ICANON)) /* a full-screen program: its screen is empty */
        sys_call(SYS_kill, sys_getpid(), SIGWINCH, 0, 0);
    return error;
}

const struct open_kind kind_terminal = {"terminal", is_terminal, save_terminal, open_terminal, NULL};
