/* float.c: printf("%.2f") of numbers that live across the gate. */
#include "program.h"

int main(void)
{
    START();
    volatile double third = 2.0 / 3, big = 1e15 + 0.25;

    gate(1);
    say("two thirds %.2f", third);
    say("big %.2f", big);
    say("product %.3f", third * 1000);
    return finish();
}
