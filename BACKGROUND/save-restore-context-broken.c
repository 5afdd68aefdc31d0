/* save-restore-context-broken.c: BROKEN. It believes that getcontext() returns 1
 * after setcontext(), as setjmp() does after longjmp().
 *
 * getcontext() returns 0 both times. So the restart takes itself for the checkpoint
 * and calls setcontext() again, for ever. Here it is stopped at the fifth turn.
 */
#include <stdio.h>
#include <ucontext.h>

static volatile int turns = 0;
static ucontext_t context;

int main(void)
{
    int rc = getcontext(&context);

    printf("getcontext returned %d\n", rc);
    if (rc == 1) { /* BROKEN: never true */
        printf("  so this is the restart: go on with the work\n");
        return 0;
    }
    printf("  so this is the checkpoint\n");
    if (++turns == 5) {
        printf("and so on, for ever\n");
        return 1;
    }
    setcontext(&context);
    return 1;
}
