/* serve_allow.c - the list of what the job may use: how it is made, and asked. */
#include "libc.h"
#include "serve_paths.h"
#include "shadow.h"

#include <sys/wait.h>

/* What is allowed: absolute, and without links. */
struct tree {
    char *path;
    bool change;
};

static struct tree *trees;
static char **looks; /* names on the way */
static size_t tree_count, look_count;
static bool learning; /* while the way to a tree is walked, what it leads through is noted */
static char *last_refused[4]; /* the newest first */
static unsigned refused_count;

static void *grown(void *array, size_t count, size_t size)
{
    void *more = reallocarray(array, count + 1, size);
    if (more == NULL)
        err(EX_OSERR, "the list of files");
    return more;
}

static char *copy(const char *text)
{
    char *result = strdup(text);
    if (result == NULL)
        err(EX_OSERR, "the list of files");
    return result;
}

/* Is `path` the tree, or in it? */
static bool is_in(const char *path, const char *tree)
{
    size_t length = strlen(tree);
    if (strcmp(tree, "/") == 0)
        return true;
    return strncmp(path, tree, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

bool allow_inside(const char *path, bool change)
{
    for (size_t i = 0; i < tree_count; i++)
        if ((trees[i].change || !change) && is_in(path, trees[i].path))
            return true;
    return false;
}

static bool is_on_the_way(const char *path)
{
    for (size_t i = 0; i < look_count; i++)
        if (strcmp(looks[i], path) == 0)
            return true;
    return false;
}

bool allow_look(const char *path)
{
    bool known = allow_inside(path, false) || is_on_the_way(path);
    if (!known && learning) {
        looks = grown(looks, look_count, sizeof *looks);
        looks[look_count++] = copy(path);
    }
    return known || learning;
}

/* Walks along it, learning the names on the way.  0 or -errno. */
static int learn(const char *path, struct place *place)
{
    learning = true;
    allow_look("/");
    int error = path_walk(AT_FDCWD, path, true, place);
    learning = false;
    if (place->object >= 0)
        close(place->object);
    if (place->directory >= 0)
        close(place->directory);
    return error;
}

bool allow_add(const char *path, bool change)
{
    struct place place, real;
    int error = learn(path, &place);
    if (error == 0)
        error = learn(place.path, &real); /* a relative path has another way than the absolute one */
    if (error != 0) {
        errno = -error;
        return false;
    }
    if (allow_inside(place.path, change))
        return true;
    trees = grown(trees, tree_count, sizeof *trees);
    trees[tree_count++] = (struct tree){copy(place.path), change};
    return true;
}

/* Each name once: what is asked for again and again would hide what else was missed. */
static void note_refused(const char *path)
{
    size_t at = 0, last = sizeof last_refused / sizeof *last_refused - 1;
    while (at < last && last_refused[at] != NULL && strcmp(last_refused[at], path) != 0)
        at++;
    free(last_refused[at]);
    memmove(last_refused + 1, last_refused, at * sizeof *last_refused);
    last_refused[0] = copy(path);
    refused_count++;
}

void refused(const char *path)
{
    note_refused(path);
    if (shadow.verbose)
        shadow_say("the job wanted %s: not allowed (--allow %s)", path, path);
}

void serve_say_refused(void)
{
    bool failed = !WIFEXITED(shadow.status) || WEXITSTATUS(shadow.status) != 0;
    char names[sizeof last_refused / sizeof *last_refused * (PATH_MAX + 2)];
    size_t length = 0;
    if (!failed || refused_count == 0 || shadow.verbose)
        return;
    for (size_t i = 0; i < sizeof last_refused / sizeof *last_refused && last_refused[i] != NULL; i++)
        length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", i > 0 ? ", " : "",
                                   last_refused[i]);
    shadow_say("the job was refused a file %u times (--allow PATH lets it; -v names all); the last ones, newest "
               "first: %s", refused_count, names);
}

void allow_print(void)
{
    for (size_t i = 0; i < tree_count; i++)
        printf("  %-6s %s\n", trees[i].change ? "change" : "read", trees[i].path);
}
