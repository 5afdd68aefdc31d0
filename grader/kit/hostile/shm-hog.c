/* cause: sandbox-memory */
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

/* Segments of System V's shared memory that nobody has attached any more. */
__attribute__((constructor)) static void attack(void)
{
    for (int i = 0; i < 14; i++) {
        int id = shmget(IPC_PRIVATE, 50 << 20, IPC_CREAT | 0600);
        void *at = shmat(id, NULL, 0);
        if (id < 0 || at == (void *)-1)
            break;
        memset(at, i + 1, 50 << 20);
        shmdt(at);
    }
    sleep(2);
    fprintf(stderr, "ESCAPED: 700 MiB in segments\n");
    _exit(99);
}
