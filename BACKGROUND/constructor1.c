/* constructor1.c: a function that runs before main.
 *
 * The compiler puts its address into a table of the program (.init_array). The C
 * library calls all that is in that table, and then main.
 */
#include <stdio.h>

__attribute__((constructor)) static void my_constructor(void)
{
    printf("constructor: I am called first\n");
}

int main(void)
{
    printf("main: I am called second, and do not know it\n");
    return 0;
}
