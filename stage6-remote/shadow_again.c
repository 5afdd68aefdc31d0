/*
 * shadow_again.c - a machine is lost: may its job begin again, from its last image, on another one?
 *
 *     the job's last image      before main, or when it last left a machine (SIGUSR2, -i)
 *     what has happened since   taken back, if that is possible (since.h)
 *
 * Each of the machines is tried once; the job that is lost on all of them, without a new image, is lost.  One that
 * sends what is wrong is not to be trusted with it again: nothing begins again then.
 */
#include "shadow.h"
#include "libc.h"
#include "since.h"

unsigned image_interval;
static int failures; /* lives since the last image */

void image_came(void)
{
    command_leave();
    close(shadow.image);
    shadow.image = shadow.next_image;
    shadow.next_image = -1;
    keep_image_now();
    if (since.noting)
        since_image();
    failures = 0;
}

/* The end of this life is said already. */
static bool is_possible(int machines, bool force)
{
    /* TODO 6.8: A machine is lost: may the job begin again?
     * Three questions, in this order. May the machines be trusted? Not if one has sent what is WRONG
     * (shadow.end). Is there one of the `machines` on which it was not lost since the last image? Count in
     * `failures`. Can all be taken back that the job has done since: since_go_back(force)? That changes files, so
     * it is asked last. */
    return false;
}

bool begin_again(int machines, bool force)
{
    ahead_stop();
    if (shadow.end == JOB_ENDED)
        return false;
    shadow.command_status = command_end();
    shadow_say_end(shadow.command_status);
    if (!is_possible(machines, force))
        return false;
    shadow.stays = false;
    shadow_say("the job begins again from its last image, on the next machine");
    return true;
}
