/*
 * moved.c - a job's folder has another name now: an engine's sandbox of another life.  moved.h.  Given.
 *
 * Names stand in tables of strings, one behind the other, which others point into by offsets.  A new name may be
 * longer, so it goes to the end of the table, and the offset to it.
 */
#include "moved.h"
#include "fdtext.h"
#include "files_plan.h"
#include "image_process.h"
#include "shared_memory.h"

static void set_path(char to[PATH_MAX], const char *from, size_t length, const char *text)
{
    while (length > 0 && from[length - 1] == '/')
        length--;
    if (from[0] != '/' || length >= PATH_MAX)
        errx(EX_USAGE, "--moved %s: OLD=NEW are absolute paths", text);
    memcpy(to, from, length);
    to[length] = '\0';
}

void moved_add(struct moved *moved, const char *text)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || moved->count == MOVED_RULES)
        errx(EX_USAGE, "--moved %s: not OLD=NEW, or too many of them", text);
    struct moved_rule *rule = &moved->rules[moved->count++];
    set_path(rule->from, text, (size_t)(equals - text), text);
    set_path(rule->to, equals + 1, strlen(equals + 1), text);
    if (access(rule->to[0] != '\0' ? rule->to : "/", F_OK) != 0)
        err(EX_NOINPUT, "--moved %s", text);
}

/* Is the path this folder, or below it?  "/a/bc" is not below "/a/b". */
static bool is_below(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    return path[0] == '/' && strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

const char *moved_path(const struct moved *moved, const char *path, char *room)
{
    const struct moved_rule *best = NULL;
    for (const struct moved_rule *rule = moved->rules; rule < moved->rules + moved->count; rule++)
        if (is_below(path, rule->from) && (best == NULL || strlen(rule->from) > strlen(best->from)))
            best = rule;
    if (best == NULL)
        return path;
    const char *rest = path + strlen(best->from);
    if (snprintf(room, PATH_MAX, "%s%s", best->to, rest) >= PATH_MAX)
        errx(EX_NOINPUT, "--moved: the new name of %s is too long", path);
    return room[0] != '\0' ? room : "/";
}

bool moved_with(const char *then, const char *name_then, const char *now, const char *name_now)
{
    struct stat old, new;
    if (!is_below(name_then, then) || !is_below(name_now, now) ||
        strcmp(name_then + strlen(then), name_now + strlen(now)) != 0 || stat(name_now, &new) != 0)
        return false;
    return stat(name_then, &old) != 0 || old.st_ino != new.st_ino || old.st_dev != new.st_dev;
}

void moved_here(struct moved *moved, const char *then, const char *now, bool with_image)
{
    char room[PATH_MAX];
    if (strcmp(then, now) == 0 || then[0] != '/' || moved->count == MOVED_RULES ||
        moved_path(moved, then, room) != then || (access(then, F_OK) == 0 && !with_image))
        return;
    struct moved_rule *rule = &moved->rules[moved->count++];
    set_path(rule->from, then, strlen(then), then);
    set_path(rule->to, now, strlen(now), now);
    fprintf(stderr, "restart: its folder %s is %s now (--moved)\n", then, now);
}

/* A table of strings that grows at its end; malloc'ed, with `head` bytes of something else before it. */
struct names {
    char *bytes;
    size_t head, size;
};

/* The new offset of the name that stands at `offset`. */
static size_t move_name(const struct moved *moved, struct names *names, size_t offset)
{
    char room[PATH_MAX];
    const char *path = names->bytes + names->head + offset, *now = moved_path(moved, path, room);
    if (now == path)
        return offset;
    size_t length = strlen(now) + 1, at = names->size;
    names->bytes = realloc(names->bytes, names->head + names->size + length);
    if (names->bytes == NULL)
        err(EX_OSERR, "--moved");
    memcpy(names->bytes + names->head + at, now, length);
    names->size += length;
    return at;
}

/* A copy of `size` bytes, of which the names are the last. */
static struct names copy_names(const void *from, size_t size, size_t names_size)
{
    struct names names = {malloc(size), size - names_size, names_size};
    if (names.bytes == NULL)
        err(EX_OSERR, "--moved");
    memcpy(names.bytes, from, size);
    return names;
}

static void move_regions(const struct moved *moved, struct image *image)
{
    struct names names = copy_names(image->names, image->names_size, image->names_size);
    for (size_t i = 0; i < image->region_count; i++)
        if (image->regions[i].flags & REGION_FILE)
            image->regions[i].name = (uint32_t)move_name(moved, &names, image->regions[i].name);
    image->made_size += names.size - image->names_size; /* they will stand in the restorer's block */
    image->names = names.bytes;
    image->names_size = names.size;
}

/* What is wrong with a table says files_plan(), and shared_plan(); so both leave such a one as it is. */
static void move_files(const struct moved *moved, struct image *image)
{
    size_t size;
    const struct open_file_table *note = image_note(image, IMAGE_NOTE_NAME, NOTE_FILES, sizeof *note, &size);
    if (note == NULL || files_check(note, size) != NULL)
        return;
    struct names names = copy_names(note, size, size - (size_t)(open_extra(note) - (const char *)note));
    for (uint32_t i = 0; i < note->count; i++) {
        size_t path = move_name(moved, &names, note->files[i].path);
        ((struct open_file_table *)names.bytes)->files[i].path = (uint32_t)path;
    }
    ((struct open_file_table *)names.bytes)->extra_size = names.size;
    image_put_note(image, NOTE_FILES, names.bytes, names.head + names.size);
}

static void move_shared(const struct moved *moved, struct image *image)
{
    size_t size;
    const struct shared_memory *note = image_note(image, IMAGE_NOTE_NAME, NOTE_SHARED, sizeof *note, &size);
    if (note == NULL || shared_check(note, size) != NULL)
        return;
    size_t head = sizeof *note + note->object_count * sizeof *note->objects +
                  note->view_count * sizeof(struct shared_view);
    struct names names = copy_names(note, size, size - head);
    for (uint32_t i = 0; i < note->object_count; i++) {
        size_t name = move_name(moved, &names, note->objects[i].name);
        ((struct shared_memory *)names.bytes)->objects[i].name = name;
    }
    ((struct shared_memory *)names.bytes)->names_size = names.size;
    image_put_note(image, NOTE_SHARED, names.bytes, names.head + names.size);
}

static void move_directory(const struct moved *moved, struct image *image)
{
    static struct image_process changed;
    char room[PATH_MAX];
    const struct image_process *p = image_note(image, IMAGE_NOTE_NAME, NOTE_PROCESS, sizeof *p, NULL);
    if (p == NULL)
        return;
    changed = *p;
    changed.directory[PATH_MAX - 1] = '\0'; /* believe no image */
    const char *now = moved_path(moved, changed.directory, room);
    if (now != changed.directory)
        strcpy(changed.directory, now);
    image_put_note(image, NOTE_PROCESS, &changed, sizeof changed);
}

void moved_apply(const struct moved *moved, struct image *image)
{
    if (moved->count == 0)
        return;
    move_regions(moved, image);
    move_files(moved, image);
    move_shared(moved, image);
    move_directory(moved, image);
}
