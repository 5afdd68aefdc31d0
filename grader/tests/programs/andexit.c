/* andexit.c: ckpt_and_exit() of ckpt.h. */
#include "program.h"

#include "../../../stage2-saveimage/ckpt.h"

int main(void)
{
    START();
    int life;

    gate(1);
    life = ckpt_and_exit();
    say("life %d", life);
    return finish();
}
