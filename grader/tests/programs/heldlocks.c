/* heldlocks.c: at the checkpoint it holds a mutex of each kind that knows its owner, and a rwlock; then it goes on with
 * them, as their owner. */
#include "program.h"

#include <errno.h>
#include <pthread.h>

static pthread_mutex_t recursive, checking;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;

static void make(pthread_mutex_t *mutex, int type)
{
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, type);
    pthread_mutex_init(mutex, &attributes);
    pthread_mutex_lock(mutex);
}

int main(void)
{
    START();
    make(&recursive, PTHREAD_MUTEX_RECURSIVE);
    make(&checking, PTHREAD_MUTEX_ERRORCHECK);
    pthread_rwlock_wrlock(&rwlock);
    gate(1);
    say("recursive: again %d", pthread_mutex_trylock(&recursive));
    say("unlocked %d and %d", pthread_mutex_unlock(&recursive), pthread_mutex_unlock(&recursive));
    say("it is not ours now: %s", pthread_mutex_unlock(&recursive) == EPERM ? "EPERM" : "no error");
    say("checking: again %s", pthread_mutex_lock(&checking) == EDEADLK ? "EDEADLK" : "no error");
    say("unlocked %d", pthread_mutex_unlock(&checking));
    say("rwlock: again %s", pthread_rwlock_wrlock(&rwlock) == EDEADLK ? "EDEADLK" : "no error");
    say("unlocked %d", pthread_rwlock_unlock(&rwlock));
    say("it is free: %d", pthread_rwlock_trywrlock(&rwlock));
    return finish();
}
