/* cause: parser */

/* It crashes in a function whose name is markup, an escape and a command, and its sections have such names: for who shows
 * where it was. */
void odd(void) __asm__("\"<img src=x onerror=alert(1)>{'passed':true}%s$(touch planted)\033[2J\"");
__attribute__((noinline)) void odd(void)
{
    *(volatile int *)8 = 1;
}

__attribute__((section("\033[2J<b>"), used)) static int of_odd_section;

__attribute__((constructor)) static void attack(void)
{
    odd();
}
