/* abort.c: abort() after the gate must end this process by SIGABRT. */
#include "program.h"

#include <stdlib.h>

int main(void)
{
    START();
    gate(1);
    say("abort");
    abort();
}
