/* cause: sandbox-network */
#include <sys/socket.h>

/* A socket to the network. */
__attribute__((constructor)) static void attack(void)
{
    socket(AF_INET, SOCK_STREAM, 0);
}
