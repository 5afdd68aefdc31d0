/*
 * remote_plan.c - the plan of a job whose files are at home.  What is otherwise than in a restart on one machine:
 *
 *     memory of files      from the image, all of it: no path of the image is opened here
 *     0, 1, 2 and files    placeholders (remote_files.c)
 *     two descriptors      of the job's own: the connection, and where its next image goes
 *     directory, limits    "/", and what this machine allows
 *     surroundings         others, and quietly so: another machine is the point
 */
#include "keeper.h"
#include "image_arrive.h"
#include "image_attributes.h"
#include "image_process.h"
#include "memory_plan.h"
#include "remote_files.h"
#include "restart_main.h"
#include "shared_memory.h"
#include "shared_plan.h"
#include "surroundings_plan.h"

static const struct image_remote *remote_note(const struct image *image)
{
    return image_note(image, IMAGE_NOTE_NAME, NOTE_REMOTE, sizeof(struct image_remote), NULL);
}

void remote_refuse(const struct image *image)
{
    if (remote_note(image) != NULL)
        errx(EX_DATAERR, "this image is a job of ckpt-shadow's: its files are open there, and only restart "
             "--remote can reach them");
}

/* Regions of files become memory of our own with the same bytes. */
static void take_all_from_image(struct image *image)
{
    for (struct image_region *r = image->regions; r < image->regions + image->region_count; r++) {
        if (!(r->flags & REGION_FILE) || (r->flags & REGION_KERNEL))
            continue;
        if (!(r->flags & REGION_STORED) || (r->flags & REGION_SHARED))
            errx(EX_DATAERR, "--remote: the image does not hold the pages of %s at %lx-%lx, and files are not "
                 "opened here", image->names + r->name, r->start, r->end);
        r->flags &= ~(uint32_t)REGION_FILE;
    }
}

/* Shared memory without a path can be made here; a file that is shared with others is at home. */
static void check_shared(const struct image *image)
{
    size_t size = 0;
    const struct shared_memory *memory = image_note(image, IMAGE_NOTE_NAME, NOTE_SHARED, sizeof *memory, &size);
    if (memory == NULL || shared_check(memory, size) != NULL)
        return; /* shared_plan() says it */
    for (uint32_t i = 0; i < memory->object_count; i++)
        if (memory->objects[i].kind != SHARED_ANONYMOUS && memory->objects[i].kind != SHARED_MEMFD)
            errx(EX_DATAERR, "--remote: the job shows pages of %s, a file that it shares",
                 shared_name(memory, &memory->objects[i]));
}

/* A limit that is higher than ours is ours. */
static void change_process(struct image *image, bool verbose)
{
    static struct image_process changed;
    const struct image_process *p = image_note(image, IMAGE_NOTE_NAME, NOTE_PROCESS, sizeof *p, NULL);
    if (p == NULL)
        return;
    changed = *p;
    strcpy(changed.directory, "/");
    for (int i = 0; i < LIMITS; i++) {
        struct rlimit own, *limit = &changed.limits[i];
        if (getrlimit((__rlimit_resource_t)i, &own) != 0 || limit->rlim_max <= own.rlim_max)
            continue;
        if (verbose)
            fprintf(stderr, "restart: limit %d is lower here (getrlimit(2))\n", i);
        limit->rlim_max = own.rlim_max;
        limit->rlim_cur = limit->rlim_cur < own.rlim_max ? limit->rlim_cur : own.rlim_max;
    }
    image_put_note(image, NOTE_PROCESS, &changed, sizeof changed);
}

/* How it is scheduled, on which CPUs, is this machine's to say (nice restart); and it ends with the keeper. */
static void change_attributes(struct image *image)
{
    static struct image_attributes changed;
    const struct image_attributes *a = image_note(image, IMAGE_NOTE_NAME, NOTE_ATTRIBUTES, sizeof *a, NULL);
    if (a == NULL)
        return;
    changed = *a;
    changed.settings[ATTRIBUTE_PARENT_DEATH] = SIGKILL;
    changed.settings[ATTRIBUTE_NO_NEW_PRIVS] = 1; /* the filter that catches its calls demands it */
    changed.seccomp = 0;
    changed.cpu_bytes = 0;
    changed.io_priority = -1;
    syscall(SYS_sched_getattr, 0, &changed.schedule, sizeof changed.schedule, 0);
    image_put_note(image, NOTE_ATTRIBUTES, &changed, sizeof changed);
}

/* The job learns its two descriptors; the note's address is in memory that it can write. */
static void tell_descriptors(struct image *image, struct remote_life now)
{
    size_t size;
    const struct image_remote *note = image_note(image, IMAGE_NOTE_NAME, NOTE_REMOTE, sizeof *note, &size);
    struct image_remote *copy = malloc(size);
    if (copy == NULL)
        err(EX_OSERR, "the note about remote files");
    memcpy(copy, note, size);
    copy->now = now;
    const struct image_region *r = image_region_at(image, copy->life);
    if (r == NULL || !(r->prot & PROT_WRITE) || r->end - copy->life < sizeof now ||
        copy->life % sizeof(int32_t) != 0)
        errx(EX_DATAERR, "--remote: struct remote_life lies in no memory of the job's");
    image_put_note(image, NOTE_REMOTE, copy, size);
}

void remote_become(const struct image_arrival *arrival, int connection, int next_image, int ready, bool verbose)
{
    static struct restart_plan plan;
    static const struct files_options files = {.elsewhere = 1};
    char path[32];
    struct image *image = &plan.image;
    snprintf(path, sizeof path, "/proc/self/fd/%d", arrival->fd);
    plan.verbose = verbose;
    plan_open(&plan, path);
    close(arrival->fd);
    if (remote_note(image) == NULL)
        errx(EX_DATAERR, "--remote: the image is no job of ckpt-shadow's");
    if (!places_mark(arrival, image))
        errx(EX_DATAERR, "--remote: the head of the image has changed while it came");
    take_all_from_image(image);
    check_shared(image);
    change_process(image, verbose);
    change_attributes(image);
    remote_files_empty(image);
    files_plan(image, &files);
    shared_plan(image);
    memory_plan(image);
    surroundings_plan(&plan, &files);
    tell_descriptors(image, remote_files_keep(image, connection, next_image));
    plan.say_to = stderr_keep(image);
    plan_make(&plan);
    files_commit(image, &files);
    if (write(ready, "", 1) != 1)
        err(EX_OSERR, "--remote: the keeper is gone");
    plan_go(&plan);
}
