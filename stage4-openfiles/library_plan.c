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

static void check_place(const struct image *image, uint64_t address, size_t size)
{
    const struct image_region *r = image_region_at(image, address);
    if (r == NULL || !(r->prot & PROT_WRITE) || r->end - address < size)
        errx(EX_DATAERR, "the image's own name lies in no region for it");
}

/* The job's next image gets this name, and this wish: the restorer writes them into the job's memory. */
static void change(const struct image *image, struct image_library *library, const char *name, const char *wish)
{
    check_place(image, library->name_address, sizeof library->name);
    check_place(image, library->wish_address, sizeof library->wish);
    library->changed = 1;
    snprintf(library->name, sizeof library->name, "%s", name);
    snprintf(library->wish, sizeof library->wish, "%s", wish);
}

/* The same command was given again: its status and signal are those of today; is the image its own? */
static void resume_job(struct image *image, struct image_library *library, const char *path, struct evict *now,
                       struct moved *moved)
{
    static struct evict then;
    char absolute[PATH_MAX];
    const char *wish = environment("CKPT_EVICT", "");
    if (!read_wish(now, wish))
        errx(EX_USAGE, "--resume is for ckpt --evict");
    if (library == NULL || !read_wish(&then, library->wish))
        errx(EX_DATAERR, "%s is not an image of ckpt --evict, so this command does not go on with it: it stays as "
             "it is; restart it, or take another name (ckpt -o)", path);
    if (then.command != now->command)
        errx(EX_DATAERR, "%s is the image of another PROG or of other ARGS: it stays as it is; restart it, or take "
             "another name (ckpt -o)", path);
    if (realpath(path, absolute) == NULL)
        err(EX_NOINPUT, "%s", path);
    bool with_image = moved_with(then.start, library->name, now->start, absolute);
    change(image, library, absolute, wish);
    moved_here(moved, then.start, now->start, with_image);
}

/* Another name of the folder is one in these, too. */
static void move_image(struct image *image, struct image_library *library, const struct moved *moved)
{
    char name[PATH_MAX], start[PATH_MAX], wish[WISH_SIZE] = "";
    size_t numbers = strcspn(library->wish, "/");
    const char *new_name = moved_path(moved, library->name, name);
    const char *new_start = moved_path(moved, library->wish + numbers, start);
    if (new_name == library->name && new_start == library->wish + numbers)
        return;
    snprintf(wish, sizeof wish, "%.*s%s", (int)numbers, library->wish, new_start);
    if (new_name != name) /* the name may not be moved onto itself */
        new_name = strcpy(name, new_name);
    change(image, library, new_name, wish);
}

void library_plan(struct restart_plan *plan, const char *path, bool resume, struct moved *moved)
{
    static struct evict evict;
    struct image_library *library = copy_note(&plan->image);
    if (resume)
        resume_job(&plan->image, library, path, &evict, moved);
    else if (library != NULL)
        move_image(&plan->image, library, moved);
    moved_apply(moved, &plan->image);
    if (plan->dry_run || library == NULL || !read_wish(&evict, library->wish))
        return;
    evict.checkpoint = (int)library->signal;
    evict.restarted = true;
    evict.stopped = plan->stop != 0;
    if (evict.resume)
        snprintf(evict.image, sizeof evict.image, "%s", library->name);
    sigfillset(&evict.mask); /* until the program has its own */
    evict_fork(&evict);
}
