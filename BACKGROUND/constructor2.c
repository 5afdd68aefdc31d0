/* constructor2.c: the constructor has moved into a shared library, libconstructor2.so.
 *
 * Every library has such a table. The dynamic linker, ld.so, loads the libraries
 * that a program names, calls their constructors, and only then starts the program.
 * Step 2 names this library when it links plain.c. Step 3 does not even do that:
 * LD_PRELOAD in the environment makes ld.so load it into any program.
 */
#include <stdio.h>
#include <unistd.h>

__attribute__((constructor)) static void my_constructor(void)
{
    printf("library: my constructor runs before main, in process %d\n", (int)getpid());
    fflush(stdout);
}
