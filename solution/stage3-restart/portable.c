/*
 * portable.c - ckpt --portable: portable.h.  Given.
 *
 * GLIBC_TUNABLES tells libc which features not to use; their names are the same from glibc 2.33 to 2.41 (sysdeps/
 * x86/cpu-tunables.c), and a name that it does not know it passes over.
 *
 * LD_BIND_NOW, because libc does not give up XSAVE: ld.so saves the vector registers when it looks up a function
 * at its first call, in a room as large as they are on the processor of the start.
 */
#include "portable.h"
#include "arch_platform.h"
#include "libc.h"

#define VARIABLE "GLIBC_TUNABLES"
#define TUNABLE "glibc.cpu.hwcaps="
#define NO_V4 "-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ,-AVX512CD,-AVX512ER,-AVX512PF,-RTM,-FMA4,-XSAVEC"
/* The last one: memmove() is chosen by it alone, without a look at AVX. */
#define NO_V3 "-AVX2,-AVX,-FMA,-BMI1,-BMI2,-LZCNT,-MOVBE," NO_V4 ",-AVX_Fast_Unaligned_Load"

/* Where the value of our tunable ends in the user's list NAME=VALUE:NAME=VALUE; NULL: it is not there. */
static const char *find_end(const char *list)
{
    const char *end = NULL;
    for (const char *at = list; *at != '\0'; at += strcspn(at, ":"), at += *at == ':')
        if (strncmp(at, TUNABLE, strlen(TUNABLE)) == 0)
            end = at + strcspn(at, ":");
    return end;
}

/* What the user has set stays, and ours is behind it; of two entries of one name libc takes one only. */
static char *tunables(const char *users, const char *ours)
{
    char *list = NULL;
    const char *end = find_end(users);
    int length = end != NULL ? asprintf(&list, "%.*s,%s%s", (int)(end - users), users, ours, end)
                             : asprintf(&list, "%s%s" TUNABLE "%s", users, *users != '\0' ? ":" : "", ours);
    if (length < 0)
        err(EX_OSERR, VARIABLE);
    return list;
}

void portable_prepare(const char *level)
{
    const char *name = level == NULL ? ARCH_PORTABLE_DEFAULT : level;
    if (!ARCH_CAN_BIND)
        errx(EX_USAGE, "--portable: on " ARCH_NAME ", libc cannot be bound to less than the processor has");
    char full[32];
    snprintf(full, sizeof full, "%s%s", name[0] == 'v' ? "x86-64-" : "", name);
    unsigned number = portable_level(full);
    if (number == 0)
        errx(EX_USAGE, "--portable=%s: not a level that libc can be bound to (x86-64-v2 or x86-64-v3)", name);
    char *list = tunables(environment(VARIABLE, ""), number == 2 ? NO_V3 : NO_V4);
    if (setenv(VARIABLE, list, 1) != 0 || setenv("LD_BIND_NOW", "1", 1) != 0 || setenv(PORTABLE, full, 1) != 0)
        err(EX_OSERR, "the environment");
    free(list);
}
