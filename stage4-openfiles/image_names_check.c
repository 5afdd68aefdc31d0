/* image_names_check.c - in ckpt: is it a name for images (image_names.h)?  Given. */
#include "image_names.h"

static void check_percent(const char *name, const char *percent, bool in_folder)
{
    char what = percent[1];
    if (what == 'p' || (in_folder && what != 'n'))
        return;
    if (in_folder)
        errx(EX_USAGE, "-o %s: %%n belongs into the last part of the name, not into a folder's", name);
    if (what != 'n' && what != '%')
        errx(EX_USAGE, "-o %s: %.2s is none of %%p (the pid), %%n (the image's number) and %%%% (a percent sign)",
             name, percent);
}

void image_names_check(const char *name, const char *keep)
{
    const char *slash = strrchr(name, '/'), *percent = name;
    bool numbered = false;
    while ((percent = strchr(percent, '%')) != NULL) {
        check_percent(name, percent, slash != NULL && percent < slash);
        numbered |= percent[1] == 'n';
        percent += percent[1] == '\0' ? 1 : 2;
    }
    char *end;
    if (keep != NULL && (*keep < '1' || *keep > '9' || strtoul(keep, &end, 10) > 1000000 || *end != '\0'))
        errx(EX_USAGE, "--keep %s: not a number of images from 1 to 1000000", keep);
    if (keep != NULL && !numbered)
        errx(EX_USAGE, "--keep needs %%n, the image's number, in the name: ckpt --keep %s -o 'img.%%n'", keep);
}
