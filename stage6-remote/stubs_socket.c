/*
 * stubs_socket.c - socket(2), by hand, and only to refuse it: the network and its sockets would be this machine's.
 *
 * libc asks for a local one each time that a program looks up a user (nscd(8)), and goes on without: of those
 * nobody needs to hear.
 */
#include "syscall_stubs.h"
#include "trap.h"

#include <sys/socket.h>

long stub_socket(struct trap *trap)
{
    if (trap->arguments[0] != AF_UNIX)
        trap_refused(trap, "socket", "the network that it would see is not home's");
    return -EAFNOSUPPORT;
}
