/* save-restore-context.c: setcontext() "returns" from getcontext(), a second time.
 *
 * getcontext() notes all registers in a ucontext_t, the instruction pointer among
 * them. setcontext() loads them: the program is again where getcontext() returned.
 * It returns 0 both times. Memory is not touched by either, so a variable in memory
 * tells the two returns apart. (A local one might live in a register: use static.)
 */
#include <stdio.h>
#include <ucontext.h>

static volatile int is_restart = 0;
static ucontext_t context;

int main(void)
{
    int rc = getcontext(&context);

    printf("getcontext returned %d, is_restart is %d\n", rc, is_restart);
    if (is_restart) {
        printf("  so this is the restart: go on with the work\n");
        return 0;
    }
    printf("  so this is the checkpoint: set is_restart, save memory, ...\n");
    is_restart = 1;

    printf("  ... and, much later, call setcontext\n");
    setcontext(&context);
    printf("this line is never printed\n");
    return 1;
}
