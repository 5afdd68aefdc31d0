/* platform_plan.c - does the program's machine fit into this one?  image_platform.h.  Given. */
#include "platform_plan.h"
#include "image_platform.h"
#include "page_size.h"

/* A newer libckpt.so may know more of them. */
static bool has_unknown(const struct arch_features *features)
{
    unsigned i = 0;
    bool found = false;
    while (arch_feature(i) != NULL)
        i++;
    for (; i < 8 * sizeof features->bits; i++)
        found |= arch_has(features, i);
    return found;
}

/* libc and others chose their functions at the start, for the processor of the start. */
static void check_features(const struct image_platform *then, bool any)
{
    struct arch_features here;
    char list[1024] = "";
    arch_features_read(&here);
    for (unsigned i = 0; arch_feature(i) != NULL; i++)
        if (arch_has(&then->may_use, i) && !arch_has(&here, i))
            strcat(strcat(list, " "), arch_feature(i)->name);
    if (has_unknown(&then->may_use))
        strcat(list, " (more, by names that this restart does not know)");
    if (list[0] == '\0')
        return;
    if (!any)
        errx(EX_DATAERR, "the program may use what this processor does not have:%s" ARCH_BIND_ADVICE, list);
    fprintf(stderr, "restart: not as it was (processor): the program may use what is not there:%s\n", list);
}

/* What libc was bound to binds at the start: LD_BIND_NOW. */
static void check_linker(const struct image_platform *then, bool any)
{
    if (any || then->bound != 0 || arch_linker_has_room(&then->may_use, &then->vectors))
        return;
    errx(EX_DATAERR, "this processor has more vector registers than ld.so has room for in the program: it began on "
         "one without XSAVEC (start it with ckpt --portable)");
}

/* Its own handler had called ours; somewhere is a frame that we do not know.  It fits where all is as it was. */
static void check_vectors(const struct image_platform *then)
{
    struct arch_vectors here;
    arch_vectors_read(&here);
    if (memcmp(&then->vectors, &here, sizeof here) != 0)
        errx(EX_DATAERR, "the program was saved outside of the checkpoint signal's frame, and this processor has "
             "other vector registers");
}

/*
 * The handler of the checkpoint signal will return, in the second life, and the kernel will take the registers from
 * its frame: in this machine's form.
 */
void platform_plan(struct image *image, bool any)
{
    static struct platform_now now;
    if (page_size_problem() != NULL)
        errx(EX_DATAERR, "the program %s", page_size_problem());
    const struct image_platform *then = image_note(image, IMAGE_NOTE_NAME, NOTE_PLATFORM, sizeof *then, NULL);
    uint64_t context = then != NULL ? then->context : arch_guess_signal_context(&image->context->copy);
    if (then != NULL) {
        memcpy(&now.image, then, sizeof now.image);
        check_features(&now.image, any);
        check_linker(&now.image, any);
    }
    if (then != NULL && context == 0) {
        check_vectors(&now.image);
        return;
    }
    arch_frame_convert(&now.change, image, context, then != NULL ? &now.image.vectors : NULL, now.image.room);
    if (now.change.size != 0)
        image_put_note(image, NOTE_PLATFORM, &now, sizeof now);
}
