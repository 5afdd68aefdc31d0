/* platform_start.c - what libckpt.so notes of the machine when a program starts: image_platform.h.  Given. */
#include "arch.h"
#include "image_platform.h"
#include "libc.h"
#include "library.h"
#include "portable.h"
#include "text.h"

#include <sys/auxv.h>

/* Not used in the life that is saved; restart fills it for the next one, and rt_sigreturn(2) reads it. */
static char room[ARCH_FRAME_ROOM] __attribute__((aligned(64)));

const struct image_platform *library_platform(void)
{
    static struct image_platform platform;
    arch_run_without_keys(__builtin_frame_address(0));
    if (arch_keys_stay(getauxval(AT_HWCAP)))
        say("libckpt: the program may sign return addresses (PAC) with keys that no other process can have, and "
            "this kernel cannot switch that off (Linux 5.13 can): a restart of its image will crash then", NULL);
    platform.room = (uint64_t)room;
    platform.bound = portable_level(environment(PORTABLE, ""));
    arch_features_read(&platform.may_use);
    if (platform.bound != 0)
        arch_features_bound(&platform.may_use, platform.bound);
    return &platform;
}
