/* cause: sandbox-network */
#include <sys/socket.h>
#include <unistd.h>

/* A socket to the network by the numbers that system calls had for programs of 32 bits, where no filter may have looked. */
__attribute__((constructor)) static void attack(void)
{
    long got = -1;
#ifdef __x86_64__
    __asm__ volatile("int $0x80" : "=a"(got) : "a"(359), "b"(AF_INET), "c"(SOCK_DGRAM), "d"(0) : "memory", "r8", "r9", "r10", "r11");
#endif
    if (got < 0)
        socket(AF_INET, SOCK_DGRAM, 0);
    else
        _exit(99);
}
