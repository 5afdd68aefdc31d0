/* onterminal.c: run a command on a terminal of its own, ROWS x COLUMNS.
 * usage: onterminal ROWS COLUMNS COMMAND [ARGUMENT]...
 * The command has this process's pid. What it prints on the terminal a grandchild, which holds the terminal's
 * other side, copies to where standard output was. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* As long as the command lives the terminal is there, though nobody may have it open (read says EIO then): as a
 * window is. */
static int copy(int master, pid_t command)
{
    char bytes[4096];
    ssize_t n;

    while ((n = read(master, bytes, sizeof bytes)) > 0 || kill(command, 0) == 0)
        if (n <= 0)
            usleep(1000);
        else if (write(1, bytes, (size_t)n) != n)
            return 1;
    return 0;
}

/* Not a child of the command, which would count it among its own. */
static void start_copying(int master, int slave)
{
    pid_t command = getpid(), child = fork();

    if (child == 0) {
        close(slave);
        setsid(); /* not in the command's session, which may end */
        _exit(fork() == 0 ? copy(master, command) : 0);
    }
    waitpid(child, NULL, 0);
}

static void become_standard(int slave)
{
    struct termios settings;

    tcgetattr(slave, &settings);
    settings.c_oflag &= ~(tcflag_t)OPOST; /* lines end in a newline, as in a file */
    tcsetattr(slave, TCSANOW, &settings);
    for (int fd = 0; fd < 3; fd++)
        dup2(slave, fd);
    close(slave);
}

int main(int argc, char **argv)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
    struct winsize size = { 0, 0, 0, 0 };

    if (argc < 4 || master < 0 || grantpt(master) || unlockpt(master))
        return 71;
    size.ws_row = (unsigned short)atoi(argv[1]);
    size.ws_col = (unsigned short)atoi(argv[2]);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    if (slave < 0 || ioctl(slave, TIOCSWINSZ, &size))
        return 71;
    setsid(); /* the leader of a session already, or it becomes one */
    ioctl(slave, TIOCSCTTY, 0);
    start_copying(master, slave);
    close(master);
    become_standard(slave);
    execv(argv[3], argv + 3);
    perror(argv[3]);
    return 127;
}
