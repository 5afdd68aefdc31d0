/* stub_check.c - what a template means; what means nothing is refused, and not left for the C compiler to find. */
#include "stub_gen.h"
#include "libc.h"

#include <ctype.h>

struct call calls[MAX_CALLS];
int call_count;

/* The name of a constant: in capitals. */
static bool is_constant(const char *text)
{
    return isupper((unsigned char)*text) && text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] == '\0';
}

static bool is_number(const char *text)
{
    return isdigit((unsigned char)*text) || *text == '-';
}

/* TYPE * NAME, TYPE NAME [bound] or TYPE NAME: fills type and name; false: there is one word only. */
static bool split(const struct declaration *d, struct parameter *p)
{
    p->type = "";
    struct word *word = d->type;
    for (; word != NULL && (word->next != NULL || d->pointer != NULL); word = word->next)
        p->type = words("%s%s%s", p->type, *p->type != '\0' ? " " : "", word->text);
    p->name = d->pointer != NULL ? d->pointer : word->text;
    return *p->type != '\0';
}

static void set_kind(struct parameter *p, const struct declaration *d)
{
    bool pointer = d->pointer != NULL || d->bound != NULL;
    if (pointer && strcmp(p->type, "void") == 0)
        wrong(line_now, "`%s': how long is a void? expected a type that has a size, or char[...]", p->name);
    if (d->pointer != NULL && strcmp(p->type, "char") == 0) {
        p->kind = STRING;
        p->use = "PATH_READ";
    } else if (pointer)
        p->kind = d->is_const ? GOES_IN : COMES_OUT;
    else if (d->is_const)
        wrong(line_now, "expected a pointer behind const, found `%s'", p->name);
}

/* What a word around a parameter makes of it. */
static void wrap(struct call *call, struct parameter *p, const char *wrapper)
{
    static const struct wrapper {
        const char *word;
        enum parameter_kind around, becomes;
        const char *use, *expected;
    } wrappers[] = {
        {"map", NUMBER, DESCRIPTOR, NULL, "an int, a descriptor"},
        {"at", NUMBER, NUMBER, NULL, "a number, the flags"},
        {"offset", NUMBER, NUMBER, NULL, "a number, the offset"},
        {"text", STRING, STRING, NULL, "a char *"},
        {"entry", STRING, STRING, "PATH_ENTRY", "a char *"},
        {"change", STRING, STRING, "PATH_CHANGE", "a char *"},
        {"write", STRING, STRING, "PATH_WRITE", "a char *"},
        {"inout", COMES_OUT, IN_AND_OUT, NULL, "a pointer without const, and no char *"},
    };
    const struct wrapper *w = NULL;
    for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers; i++)
        if (strcmp(wrapper, wrappers[i].word) == 0)
            w = &wrappers[i];
    if (w == NULL)
        wrong(line_now, "expected map, at, offset, text, entry, change, write or inout, found `%s('", wrapper);
    if (p->kind != w->around || (w->becomes == DESCRIPTOR && strcmp(p->type, "int") != 0))
        wrong(line_now, "expected %s in %s(), found `%s'", w->expected, wrapper, p->name);
    p->kind = w->becomes;
    p->use = w->use;
    if (strcmp(wrapper, "at") == 0)
        call->at_flags = call->count;
    if (strcmp(wrapper, "offset") == 0)
        call->offset = call->count;
}

void add_parameter(struct call *call, const char *wrapper, const struct declaration *d)
{
    struct parameter p = {.bound = d->bound, .count = -1, .directory = -1};
    if (!split(d, &p)) {
        if (strcmp(p.name, "void") == 0 && call->count == 0 && wrapper == NULL)
            return;
        if (wrapper != NULL || d->bound != NULL || !is_constant(p.name))
            wrong(line_now, "expected a type and a name, or a CONSTANT, found `%s'", p.name);
        p.kind = CONSTANT;
    }
    if (call->count == MAX_PARAMETERS)
        wrong(line_now, "%s: a call has at most %d parameters", call->name, MAX_PARAMETERS);
    if (p.kind != CONSTANT)
        set_kind(&p, d);
    if (wrapper != NULL)
        wrap(call, &p, wrapper);
    call->parameters[call->count++] = p;
}

void add_changed(struct call *call, const char *outer)
{
    struct parameter *p = &call->parameters[call->count - 1];
    if (strcmp(outer, "write") != 0 || p->kind != DESCRIPTOR)
        wrong(line_now, "expected write(map(...)), found `%s(' around `%s'", outer, p->name);
    p->changed = true;
}

/* Names that the handlers use themselves. */
static bool is_ours(const char *name)
{
    static const char *const ours[] = {"r", "result", "wait", "back"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strcmp(name, ours[i]) == 0)
            return true;
    return false;
}

/* Finds what belongs together: a path and its directory, an array and its count. */
static void join(const struct call *call, struct parameter *p, int i)
{
    if (find_name(call, p->name) != i || is_ours(p->name))
        wrong(call->line, "%s: `%s' is taken: expected another name", call->name, p->name);
    if (p->kind == CONSTANT && find_kind(call, CONSTANT) != i)
        wrong(call->line, "%s: expected one constant, found also `%s'", call->name, p->name);
    if (p->use != NULL && i > 0 && call->parameters[i - 1].kind == DESCRIPTOR)
        p->directory = i - 1;
    if (p->bound == NULL || is_number(p->bound))
        return;
    p->count = find_name(call, p->bound);
    if (p->count < 0 || call->parameters[p->count].kind != NUMBER)
        wrong(call->line, "%s: expected a parameter that is a number in `%s[%s]'", call->name, p->name, p->bound);
}

static void check_form(const struct call *call)
{
    if (call->marks & (SERVED | LOCAL))
        wrong(call->line, "%s: `= %s' is for a handler that is not written by hand", call->name, call->form);
    for (struct word *word = call->form_arguments; word != NULL; word = word->next)
        if (!is_number(word->text) && !is_constant(word->text) && find_name(call, word->text) < 0)
            wrong(call->line, "%s = %s(): there is no parameter `%s'", call->name, call->form, word->text);
}

static void check_marks(const struct call *call)
{
    int fd = find_kind(call, DESCRIPTOR), arrays = 0;
    for (int i = 0; i < call->count; i++)
        arrays += call->parameters[i].count >= 0;
    if (call->marks & (WAITS_IN | WAITS_OUT) && fd < 0)
        wrong(call->line, "%s: waits_in, waits_out: expected a map() to wait for", call->name);
    if (call->marks & PIECES && (arrays != 1 || strcmp(call->type, "ssize_t") != 0))
        wrong(call->line, "%s: pieces: expected ssize_t, and one array", call->name);
    if (!(call->marks & LOCAL))
        return;
    if (fd < 0 && !is_case(call))
        wrong(call->line, "%s: expected map() or a constant; what is always made here is `local %s;'", call->name,
              call->name);
    if (call->marks & (SERVED | AT_HOME | PIECES | WAITS_IN | WAITS_OUT))
        wrong(call->line, "%s: local, so nobody makes it at home: expected no other word", call->name);
}

static void check_call(struct call *call)
{
    for (int i = 0; i < call->count; i++)
        join(call, &call->parameters[i], i);
    if (call->form != NULL)
        check_form(call);
    if (call->at_flags >= 0 && first_path(call) < 0)
        wrong(call->line, "%s: at(): expected a path that it belongs to", call->name);
    check_marks(call);
}

/* Cases of one call have their constants in the same place, and each another one. */
static void check_against(const struct call *call, const struct call *earlier)
{
    if (strcmp(call->id, earlier->id) == 0)
        wrong(call->line, "%s: it is in line %d already", call->id, earlier->line);
    if (strcmp(call->name, earlier->name) == 0 && find_kind(call, CONSTANT) != find_kind(earlier, CONSTANT))
        wrong(call->line, "%s: expected a constant where line %d has it", call->name, earlier->line);
}

void add_call(const struct call *call)
{
    if (call_count == MAX_CALLS)
        wrong(line_now, "more than %d calls", MAX_CALLS);
    struct call *added = &calls[call_count];
    *added = *call;
    if (!(call->marks & NAME_ONLY))
        check_call(added);
    int constant = find_kind(added, CONSTANT);
    added->id = constant < 0 ? added->name : words("%s_%s", added->name, added->parameters[constant].name);
    for (int i = 0; i < call_count; i++)
        check_against(added, &calls[i]);
    call_count++;
}

void check_errno(const char *name)
{
    for (int number = 1; number < 256; number++) {
        const char *known = strerrorname_np(number);
        if (known != NULL && strcmp(known, name) == 0)
            return;
    }
    wrong(line_now, "expected the name of an error, as ENOSYS, found `%s'", name);
}

static struct {
    const char *error, *name;
    int line;
} others[MAX_CALLS];
static int other_count;

void add_otherwise(const char *error, const char *name)
{
    if (other_count == MAX_CALLS)
        wrong(line_now, "more than %d otherwise", MAX_CALLS);
    others[other_count].error = error;
    others[other_count].name = name;
    others[other_count++].line = line_now;
}

/* When all is read: each `otherwise` goes to all cases of its call. */
void check_template(void)
{
    for (int i = 0; i < other_count; i++) {
        bool found = false;
        for (struct call *call = calls; call < calls + call_count; call++) {
            if (strcmp(call->name, others[i].name) != 0)
                continue;
            if (call->otherwise != NULL || call->marks & NAME_ONLY)
                wrong(others[i].line, "otherwise: `%s' has its error already, or has no prototype", call->name);
            call->otherwise = others[i].error;
            found = true;
        }
        if (!found)
            wrong(others[i].line, "otherwise: there is no prototype of `%s'", others[i].name);
    }
}
