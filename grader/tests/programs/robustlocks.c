/* robustlocks.c: at the checkpoint it holds two robust mutexes, one of them in memory that is shared, as databases have
 * it; then it goes on with them, as their owner. */
#include "program.h"

#include <pthread.h>
#include <sys/mman.h>

static pthread_mutex_t own;

static void make(pthread_mutex_t *mutex, int shared)
{
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, shared);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(mutex, &attributes);
    pthread_mutex_lock(mutex);
}

static void go_on(const char *name, pthread_mutex_t *mutex)
{
    say("%s: unlocked %d", name, pthread_mutex_unlock(mutex));
    say("locked again %d", pthread_mutex_trylock(mutex));
}

int main(void)
{
    pthread_mutex_t *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    START();
    make(&own, PTHREAD_PROCESS_PRIVATE);
    make(shared, PTHREAD_PROCESS_SHARED);
    gate(1);
    go_on("own", &own);
    go_on("shared", shared);
    return finish();
}
