/* busy.c: has used more than a second of CPU time when it is at the gate. */
#include "program.h"

#include <time.h>

int main(void)
{
    START();
    while (clock() < CLOCKS_PER_SEC + CLOCKS_PER_SEC / 10)
        continue;
    gate(1);
    return finish();
}
