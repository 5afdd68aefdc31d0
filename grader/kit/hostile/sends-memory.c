/* cause: sandbox-memory */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static void send_away(int socket, int fd)
{
    char control[CMSG_SPACE(sizeof fd)] = "", byte = 0;
    struct iovec part = { &byte, 1 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);

    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
    sendmsg(socket, &message, 0);
    close(fd);
}

/* Files in memory that no process has open or mapped: they are on their way through a socket. */
__attribute__((constructor)) static void attack(void)
{
    static char block[1 << 20];
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair))
        return;
    for (int i = 0; i < 140; i++) {
        int fd = memfd_create("away", 0);
        for (int j = 0; j < 5; j++)
            if (write(fd, block, sizeof block) < 0)
                break;
        if (i < 100)
            send_away(pair[i % 2], fd);
    }
    sleep(2);
    fprintf(stderr, "ESCAPED: 700 MiB in a socket\n");
    _exit(99);
}
