/* platform_plan.c - does the program's machine fit into this one?  image_platform.h.  Given. */
#include "platform_plan.h"
#include "image_platform.h"

/*
 * The handler of the checkpoint signal will return, in the second life, and the kernel will take the registers from
 * its frame: in this machine's form.
 */
void platform_plan(struct image *image)
{
    static struct platform_now now;
    const struct image_platform *then = image_note(image, IMAGE_NOTE_NAME, NOTE_PLATFORM, sizeof *then, NULL);
    uint64_t context = then != NULL ? then->context : arch_guess_signal_context(&image->context->copy);
    if (then != NULL)
        memcpy(&now.image, then, sizeof now.image);
    arch_frame_convert(&now.change, image, context, then != NULL ? &now.image.vectors : NULL, now.image.room);
    if (now.change.size != 0)
        image_put_note(image, NOTE_PLATFORM, &now, sizeof now);
}
