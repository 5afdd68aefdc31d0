/*
 * image_names.c - in libckpt.so: %n and %% in the names of images, and the last N of them (ckpt --keep N): so that
 * one can go back in time.  Async-signal-safe.  Given.
 *
 *     img.%n, --keep 3    img.1  img.2  img.3                  the next one is written as img.4.tmp.PID
 *                         img.1  img.2  img.3  img.4           rename(2): it is whole
 *                                img.2  img.3  img.4           and only now the oldest goes
 *
 * A number is given once: where there is img.4 already (of a later life, or somebody else's) the next one is img.5.
 * It is in the program's memory, and so in its images.  What is no image is never removed, whatever its name.
 */
#include "image_names.h"
#include "incremental.h"
#include "lazy_pages.h"
#include "live.h"
#include "open_kind.h"

#define NAME_ROOM (PATH_MAX + 2 * sizeof(struct number)) /* bytes */

static uint64_t number;            /* of the last image, or of the one that is being written */
static uint64_t pending;           /* of the one that a child of fork(2) writes (ckpt --live), or wrote; or 0 */
static char pattern[NAME_ROOM];    /* of the image that is being written, up to its %p's */
static bool numbered;              /* there is a %n in it */
static uint64_t keep;              /* so many; 0: all */

void image_names_start(void)
{
    const char *text = environment("CKPT_KEEP", "0");
    keep = text_parse(&text, 10);
}

/* The pattern with this word in place of the number.  False: there is none in it. */
static bool expand_word(char *to, size_t size, const char *word)
{
    size_t length = 0, last = 0;
    bool any = false;
    for (size_t i = 0; pattern[i] != '\0'; i++)
        last = pattern[i] == '/' ? i : last;
    for (const char *at = pattern; *at != '\0' && length < size - 1; at++) {
        bool special = at > pattern + last && *at == '%' && (at[1] == 'n' || at[1] == '%');
        if (special && at[1] == 'n')
            length += text_join(to + length, size - length, word, NULL);
        else
            to[length++] = *at;
        any = any || (special && at[1] == 'n');
        at += special;
    }
    to[length] = '\0';
    return any;
}

static bool expand(char *to, size_t size, uint64_t n)
{
    return expand_word(to, size, text_number(n, 10).digits);
}

/* One name for all runs, so that who is killed leaves no more than one such file behind. */
void image_names_spare(char *path, size_t size)
{
    if (!expand_word(path, size, "spare"))
        text_join(path + strlen(path), size - strlen(path), ".spare", NULL);
}

void library_image_name(char *path, size_t size)
{
    text_join(pattern, sizeof pattern, path, NULL);
    do
        numbered = expand(path, size, ++number);
    while (numbered && sys_call(SYS_faccessat, AT_FDCWD, (long)path, F_OK, 0) == 0);
}

void image_names_saved(int error)
{
    char name[NAME_ROOM];
    bool begun = error == -EINPROGRESS && live_has_name();
    if (error != 0 && !begun)
        number--; /* nobody has it, or not yet (ckpt --live) */
    if ((error != 0 && !begun) || !numbered || keep == 0)
        return;
    pending = begun ? number : 0;
    uint64_t last = pending == number ? number - 1 : number; /* that is whole */
    for (uint64_t old = last > keep ? last - keep : 0; old > 0; old--) {
        expand(name, sizeof name, old);
        if (sys_call(SYS_faccessat, AT_FDCWD, (long)name, R_OK, 0) != 0 || !lazy_is_image(name))
            return; /* those before it went long ago */
        if (!incremental_takes(name) && sys_unlink(name) != 0)
            return;
    }
}
