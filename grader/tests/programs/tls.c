/* tls.c: thread-local variables, errno among them. */
#include "program.h"

#include <errno.h>
#include <pthread.h>

static __thread uint64_t words[512];
static __thread char text[32] = "initial value";

int main(void)
{
    START();
    pthread_t self = pthread_self();
    uint64_t sum = 0;

    for (int i = 0; i < 512; i++)
        words[i] = draw(), sum += words[i];
    text[0] = 'I';
    errno = 1234;
    gate(1);
    int saved = errno;
    for (int i = 0; i < 512; i++)
        sum -= words[i];
    say("words %d", sum == 0);
    say("text %s", text);
    say("errno %d", saved);
    say("self %d", self == pthread_self());
    return finish();
}
