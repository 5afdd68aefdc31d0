/* api.c: the functions that libckpt.so offers to a program (ckpt.h). */
#include "program.h"

#include <signal.h>

int ckpt_now(void) __attribute__((weak));
void ckpt_disable(void) __attribute__((weak));
void ckpt_enable(void) __attribute__((weak));

int main(void)
{
    START();
    if (!ckpt_now || !ckpt_disable || !ckpt_enable) {
        say("no functions");
        return finish();
    }
    say("now %d", ckpt_now());
    gate(1);
    ckpt_disable();
    ckpt_disable();
    raise(SIGUSR2);
    ckpt_enable();
    gate(2);
    ckpt_enable();
    gate(3);
    return finish();
}
