/* fpenv.c: rounding mode, flush to zero, x87 control word. */
#include "program.h"

#include <fenv.h>
#ifdef __x86_64__
#include <xmmintrin.h>
#endif

static void tell(void)
{
    volatile double one = 1, three = 3, down;

    down = one / three;
    say("rounding %d", fegetround() == FE_UPWARD);
    say("up %d", down * 3 > 1);
#ifdef __x86_64__
    unsigned short control;
    __asm__("fnstcw %0" : "=m"(control));
    say("mxcsr %x x87 %x", _mm_getcsr() & 0xffc0u, control);
#endif
}

int main(void)
{
    START();
    fesetround(FE_UPWARD);
#ifdef __x86_64__
    unsigned short control = 0x0a7f; /* double precision, upward */
    _mm_setcsr(_mm_getcsr() | 0x8000u); /* flush to zero */
    __asm__("fldcw %0" : : "m"(control));
#endif
    tell();
    gate(1);
    tell();
    return finish();
}
