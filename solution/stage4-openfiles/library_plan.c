/* library_plan.c - restart stays as the parent of a job that can be asked to leave.  Given. */
#include "library_plan.h"
#include "evict.h"
#include "image_library.h"

/* What evict_prepare.c wrote.  False: nobody is asked to leave. */
static bool read_wish(struct evict *evict, const char *text)
{
    int start = 0;
    if (sscanf(text, "%d %d %d %" SCNx64 " %n", &evict->status, &evict->signal, &evict->resume, &evict->command,
               &start) < 4 || start == 0)
        return false;
    snprintf(evict->start, sizeof evict->start, "%s", text + start);
    return evict->status > 0 && evict->status < 256;
}

/* A copy of the note that may be changed, of which nothing is believed; or NULL. */
static struct image_library *copy_note(struct image *image)
{
    static struct image_library copy;
    const void *note = image_note(image, IMAGE_NOTE_NAME, NOTE_LIBRARY, sizeof copy, NULL);
    if (note == NULL)
        return NULL;
    memcpy(&copy, note, sizeof copy);
    copy.name[sizeof copy.name - 1] = copy.wish[sizeof copy.wish - 1] = '\0';
    copy.changed = 0;
    image_put_note(image, NOTE_LIBRARY, &copy, sizeof copy);
    return &copy;
}

/* The job's next image gets this name.  It is written into the job's memory, if that is what the image says. */
static void rename_image(struct image *image, struct image_library *library, const char *name)
{
    const struct image_region *r = image_region_at(image, library->name_address);
    if (r == NULL || !(r->prot & PROT_WRITE) || r->end - library->name_address < sizeof library->name)
        errx(EX_DATAERR, "the image's own name lies in no region for it");
    library->changed = strcmp(library->name, name) != 0;
    snprintf(library->name, sizeof library->name, "%s", name);
}

/* The same command was given again: its status and signal are those of today; is the image its own? */
static void resume_job(struct image *image, struct image_library *library, const char *path, struct evict *now)
{
    static struct evict then;
    char absolute[PATH_MAX];
    const char *wish = environment("CKPT_EVICT", "");
    if (!read_wish(now, wish))
        errx(EX_USAGE, "--resume is for ckpt --evict");
    if (library == NULL || !read_wish(&then, library->wish))
        errx(EX_DATAERR, "%s is not an image of ckpt --evict, so this command does not go on with it: it stays as it "
             "is; restart it, or take another name (ckpt -o)", path);
    if (then.command != now->command)
        errx(EX_DATAERR, "%s is the image of another PROG or of other ARGS: it stays as it is; restart it, or take "
             "another name (ckpt -o)", path);
    if (realpath(path, absolute) == NULL)
        err(EX_NOINPUT, "%s", path);
    rename_image(image, library, absolute);
    snprintf(library->wish, sizeof library->wish, "%s", wish);
}

void library_plan(struct restart_plan *plan, const char *path, bool resume)
{
    static struct evict evict;
    struct image_library *library = copy_note(&plan->image);
    if (resume)
        resume_job(&plan->image, library, path, &evict);
    else if (library == NULL || !read_wish(&evict, library->wish))
        return;
    if (plan->dry_run)
        return;
    evict.checkpoint = (int)library->signal;
    evict.restarted = true;
    evict.stopped = plan->stop != 0;
    if (evict.resume)
        snprintf(evict.image, sizeof evict.image, "%s", library->name);
    sigfillset(&evict.mask); /* until the program has its own */
    evict_fork(&evict);
}
