/* cause: hides */
/* At the end of stage 2's libckpt.c: the program hides from its user until it is saved, and not when it goes on: then nobody
 * knows where it waited, and what it had in memory. */
#include <signal.h>
#include <sys/prctl.h>

static struct sigaction right_one;

static void for_a_moment(int number)
{
    prctl(PR_SET_DUMPABLE, 1);
    right_one.sa_handler(number);
}

__attribute__((constructor)) static void hide(void)
{
    struct sigaction other;

    if (sigaction(SIGUSR2, NULL, &right_one) || right_one.sa_handler == SIG_DFL)
        return;
    other = right_one;
    other.sa_handler = for_a_moment;
    sigaction(SIGUSR2, &other, NULL);
    prctl(PR_SET_DUMPABLE, 0);
}
