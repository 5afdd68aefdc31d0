/* stub_emit.c - a template becomes C: the job's stubs, the shadow's handlers, and the header that both have. */
#include "stub_gen.h"
#include "libc.h"

#define EACH_CALL(call) const struct call *call = calls; call < calls + call_count; call++
#define EACH_PARAMETER(p, call) const struct parameter *p = (call)->parameters; p < (call)->parameters + (call)->count; p++

static bool is_remote(const struct call *call)
{
    return !(call->marks & (LOCAL | REFUSED | NAME_ONLY));
}

static const struct parameter *first_descriptor(const struct call *call)
{
    for (EACH_PARAMETER(p, call))
        if (p->kind == DESCRIPTOR)
            return p;
    return NULL;
}

/* A case that is made here whatever file it is about: its stub has nothing to ask. */
static bool is_here(const struct call *call)
{
    return call->marks & LOCAL && !(call->marks & BY_HAND) && first_descriptor(call) == NULL;
}

/* Its stub can be told that it must not wait. */
static bool has_flags(const struct call *call)
{
    return call->marks & (WAITS_IN | WAITS_OUT | PIECES);
}

static const char *otherwise(const struct call *call, const char *error)
{
    return call->otherwise != NULL ? call->otherwise : error;
}

static int number(const struct call *call, const struct parameter *p)
{
    return (int)(p - call->parameters);
}

/* Is this descriptor the directory of a path? */
static bool is_directory(const struct call *call, const struct parameter *descriptor)
{
    for (EACH_PARAMETER(p, call))
        if (p->directory == number(call, descriptor))
            return true;
    return false;
}

static void emit_title(const char *what)
{
    printf("/* %s - made by stub_gen from %s: change that. */\n", what, basename(template_name));
}

/* --- The header --- */

/* FNV-1a: both sides must have been made from the same list, or one's call is another for the other. */
static unsigned digest(void)
{
    unsigned hash = 2166136261U;
    for (EACH_CALL(call)) {
        const char *text = is_remote(call) ? words("%s %d %d;", call->id, call->at_flags, call->marks) : "";
        for (EACH_PARAMETER(p, call))
            if (*text != '\0')
                text = words("%s%d %s %d %s,", text, p->kind, p->type, p->count, p->use != NULL ? p->use : "");
        for (; *text != '\0'; text++)
            hash = (hash ^ (unsigned char)*text) * 16777619U;
    }
    return hash;
}

static void emit_prototypes(const struct call *call)
{
    if (call->marks & REFUSED || (call->marks & NAME_ONLY && !(call->marks & BY_HAND)))
        return;
    if (is_first(call))
        printf("long stub_%s(struct trap *trap);\n", call->name);
    if (strcmp(call->id, call->name) != 0 && !is_here(call))
        printf("long stub_%s(struct trap *trap);\n", call->id);
    if (is_remote(call))
        printf("long remote_%s(const long arguments[CALL_ARGUMENTS]%s);\n", call->id,
               has_flags(call) ? ", uint32_t flags" : "");
    if (call->marks & SERVED)
        printf("long serve_%s(struct request *r);\n", call->id);
}

void emit_header(void)
{
    emit_title("syscall_stubs.h");
    printf("#ifndef CKPT_SYSCALL_STUBS_H\n#define CKPT_SYSCALL_STUBS_H\n\n#include \"frame.h\"\n\n"
           "struct trap;\nstruct request;\n\n"
           "#define CALLS_DIGEST 0x%08xU /* of all calls and their parameters: struct hello */\n\n"
           "enum remote_call_number {\n    CALL_NONE,\n", digest());
    for (EACH_CALL(call))
        if (is_remote(call))
            printf("    CALL_%s,\n", call->id);
    puts("    CALL_COUNT\n};\n\n"
         "/* What becomes of a call that is caught.  The last has number -1. */\n"
         "struct stub {\n    long number;\n    const char *name;\n    long (*stub)(struct trap *trap); /* or NULL: */\n"
         "    int refuse_errno;\n    const char *why;\n};\nextern const struct stub stubs[];\n\n"
         "/* The numbers of those that are not caught, then -1. */\nextern const int local_calls[];\n\n"
         "/* The shadow's, by enum remote_call_number. */\n"
         "extern long (*const handlers[CALL_COUNT])(struct request *r);\n"
         "extern const char *const call_names[CALL_COUNT];\n\n"
         "/* flags: enum call_flag. */");
    for (EACH_CALL(call))
        emit_prototypes(call);
    puts("\n#endif");
}

/* --- The job --- */

/* An array goes in, or comes out, as far as the call says; what must not be less than it is: whole or not at all. */
static void emit_array(const struct call *call, const struct parameter *p, const char *direction)
{
    const char *count = p->bound;
    if (p->count >= 0) {
        bool all = p->kind == IN_AND_OUT || (p->kind == GOES_IN && strcmp(call->type, "ssize_t") != 0);
        printf("    size_t n%d = %s(&call, %d, (long)(%s)arguments[%d], sizeof(%s));\n", number(call, p),
               all ? "whole" : "cut", p->count, call->parameters[p->count].type, p->count, p->type);
        count = words("n%d", number(call, p));
    }
    printf("    call_%s(&call, %d, %s * sizeof(%s));\n", direction, number(call, p), count, p->type);
}

static void emit_pointer(const struct call *call, const struct parameter *p)
{
    const char *direction = p->kind == GOES_IN ? "in" : p->kind == COMES_OUT ? "out" : "inout";
    if (p->kind == STRING)
        printf("    call_%s(&call, %d);\n", p->use != NULL ? "path" : "string", number(call, p));
    else if (p->bound != NULL)
        emit_array(call, p, direction);
    else if (p->kind == GOES_IN || p->kind == COMES_OUT || p->kind == IN_AND_OUT)
        printf("    call_%s(&call, %d, sizeof(%s));\n", direction, number(call, p), p->type);
}

/* The array whose length the result is; or NULL. */
static const struct parameter *measured(const struct call *call)
{
    for (EACH_PARAMETER(p, call))
        if (p->count >= 0 && (p->kind == COMES_OUT || (p->kind == GOES_IN && strcmp(call->type, "ssize_t") == 0)))
            return p;
    return NULL;
}

static void emit_pieces(const struct call *call)
{
    const struct parameter *p = measured(call);
    printf("\nlong remote_%s(const long arguments[CALL_ARGUMENTS], uint32_t flags)\n{\n"
           "    static const struct pieces p = {piece_%s, %d, %d, %d, %s};\n    return in_pieces(&p, arguments, flags);\n}\n",
           call->id, call->id, number(call, p), p->count, call->offset, p->kind == GOES_IN ? "true" : "false");
}

static void emit_remote(const struct call *call)
{
    bool pieces = call->marks & PIECES;
    const struct parameter *array = measured(call);
    printf("\n%slong %s_%s(const long arguments[CALL_ARGUMENTS]%s)\n{\n", pieces ? "static " : "",
           pieces ? "piece" : "remote", call->id, has_flags(call) ? ", uint32_t flags" : "");
    printf("    struct remote_call call;\n    call_begin(&call, CALL_%s, arguments);\n", call->id);
    if (has_flags(call))
        puts("    call.head.flags = flags;");
    for (EACH_PARAMETER(p, call))
        emit_pointer(call, p);
    if (array != NULL)
        printf("    return within(REMOTE_syscall(&call), n%d);\n}\n", number(call, array));
    else
        puts("    return REMOTE_syscall(&call);\n}");
    if (pieces)
        emit_pieces(call);
}

/* Where is it made?  One expression for each parameter that says so; NULL: it does not say. */
static const char *side(const struct call *call, const struct parameter *p)
{
    int i = number(call, p);
    if (p->kind == DESCRIPTOR && !is_directory(call, p))
        return words("map(&a[%d])", i);
    if (p->use == NULL)
        return NULL;
    return p->directory >= 0 ? words("map_at(&a[%d], (const char *)a[%d])", p->directory, i)
                             : words("path_side((const char *)a[%d])", i);
}

/* Returns how many parameters say where. */
static int emit_sides(const struct call *call)
{
    int count = 0;
    for (EACH_PARAMETER(p, call)) {
        const char *text = side(call, p);
        if (text == NULL)
            continue;
        if (count++ == 0)
            printf("    long a[CALL_ARGUMENTS];\n    memcpy(a, trap->arguments, sizeof a);\n    enum side side = %s;\n", text);
        else
            printf("    if (%s != side)\n        return -%s;\n", text, otherwise(call, "EXDEV"));
    }
    return count;
}

static void emit_stub(const struct call *call)
{
    const struct parameter *fd = first_descriptor(call);
    const char *flags = !has_flags(call) ? ""
                        : fd != NULL && call->marks & (WAITS_IN | WAITS_OUT)
                            ? words(", no_wait(trap->arguments[%d])", number(call, fd)) : ", 0";
    printf("\nlong stub_%s(struct trap *trap)\n{\n", call->id);
    if (emit_sides(call) == 0) {
        printf("    return remote_%s(trap->arguments%s);\n}\n", call->id, flags);
        return;
    }
    printf("    if (side == HERE)\n        return %s;\n", call->marks & AT_HOME ? "-EACCES" : "CALL_LOCAL");
    if (call->marks & LOCAL)
        printf("    return -%s;\n}\n", otherwise(call, "EINVAL"));
    else
        printf("    return side == HOME ? remote_%s(a%s) : -EACCES;\n}\n", call->id, flags);
}

/* A call with cases: which is it?  None: then it is this kernel's if its file is, and else it fails. */
static void emit_cases(const struct call *first)
{
    const struct parameter *fd = NULL;
    printf("\nlong stub_%s(struct trap *trap)\n{\n    switch ((unsigned)trap->arguments[%d]) {\n", first->name,
           number(first, constant_of(first)));
    for (EACH_CALL(call)) {
        if (strcmp(call->name, first->name) != 0)
            continue;
        printf("    case %s: return %s;\n", constant_of(call)->name,
               is_here(call) ? "CALL_LOCAL" : words("stub_%s(trap)", call->id));
        if (fd == NULL && first_descriptor(call) != NULL)
            fd = &first->parameters[number(call, first_descriptor(call))];
    }
    puts("    }");
    if (fd != NULL)
        printf("    long fd = trap->arguments[%d];\n    if (map(&fd) == HERE)\n        return CALL_LOCAL;\n", number(first, fd));
    printf("    return -%s;\n}\n", otherwise(first, "EINVAL"));
}

static void emit_lists(void)
{
    puts("\nconst struct stub stubs[] = {");
    for (EACH_CALL(call)) {
        if (!is_first(call) || (call->marks & NAME_ONLY && call->marks & LOCAL))
            continue;
        printf("#ifdef SYS_%s\n    {SYS_%s, \"%s\", ", call->name, call->name, call->name);
        if (call->marks & REFUSED)
            printf("NULL, %s, %s},\n#endif\n", call->otherwise, call->why);
        else
            printf("stub_%s, 0, NULL},\n#endif\n", call->name);
    }
    puts("    {-1, NULL, NULL, 0, NULL},\n};\n\nconst int local_calls[] = {");
    for (EACH_CALL(call))
        if (call->marks & NAME_ONLY && call->marks & LOCAL)
            printf("#ifdef SYS_%s\n    SYS_%s,\n#endif\n", call->name, call->name);
    puts("    -1,\n};");
}

void emit_job(void)
{
    emit_title("syscall_stubs.c");
    puts("#include \"stub_job.h\"");
    for (EACH_CALL(call)) {
        if (is_remote(call))
            emit_remote(call);
        if (!(call->marks & (BY_HAND | NAME_ONLY)) && !is_here(call))
            emit_stub(call);
        if (is_first(call) && constant_of(call) != NULL)
            emit_cases(call);
    }
    emit_lists();
}

/* --- The shadow --- */

static const struct parameter *first_path(const struct call *call)
{
    for (EACH_PARAMETER(p, call))
        if (p->use != NULL)
            return p;
    return NULL;
}

static void emit_take_path(const struct call *call, const struct parameter *p)
{
    const char *directory = p->directory >= 0 ? call->parameters[p->directory].name : "AT_FDCWD";
    bool flags = call->at_flags >= 0 && first_path(call) == p; /* of linkat(2), too, they are the first one's */
    printf("    const char *%s = take_path(r, %d, %s, %s, %s);\n", p->name, number(call, p), directory, p->use,
           flags ? words("(int)r->arguments[%d]", call->at_flags) : "0");
}

static const char *size_of(const struct parameter *p)
{
    return p->bound != NULL ? words("%s * sizeof(%s)", p->bound, p->type) : words("sizeof(%s)", p->type);
}

static void emit_take(const struct call *call, const struct parameter *p)
{
    int i = number(call, p);
    if (p->kind == DESCRIPTOR)
        printf("    int %s = take_%s(r, %d);\n", p->name, p->changed ? "fd_to_change" : is_directory(call, p) ? "directory" : "fd", i);
    else if (p->use != NULL)
        emit_take_path(call, p);
    else if (p->kind == STRING)
        printf("    const char *%s = take_text(r, %d);\n", p->name, i);
    else if (p->kind == GOES_IN)
        printf("    const %s *%s = take_in(r, %d, %s);\n", p->type, p->name, i, size_of(p));
    else if (p->kind == IN_AND_OUT)
        printf("    %s *%s = take_inout(r, %d, %s);\n", p->type, p->name, i, size_of(p));
    else if (p->kind == COMES_OUT && p->count >= 0)
        printf("    int back = r->out_count;\n    %s *%s = take_out(r, %d, %s);\n", p->type, p->name, i, size_of(p));
    else if (p->kind == COMES_OUT)
        printf("    %s *%s = take_out(r, %d, %s);\n", p->type, p->name, i, size_of(p));
}

/* The counts come first: the pointers need them. */
static bool emit_count(const struct call *call, const struct parameter *p)
{
    for (EACH_PARAMETER(array, call))
        if (array->count == number(call, p))
            return printf("    size_t %s = take_count(r, %d, sizeof(%s));\n", p->name, array->count, array->type);
    return false;
}

/* A parameter in the call's own place. */
static const char *value(const struct call *call, const struct parameter *p)
{
    if (p->kind == CONSTANT)
        return words("(long)%s", p->name);
    for (EACH_PARAMETER(array, call))
        if (array->count == number(call, p))
            return p->name;
    return p->kind == NUMBER ? words("r->arguments[%d]", number(call, p)) : p->name;
}

static void emit_the_call(const struct call *call, const char *begin)
{
    printf("%srequest_result(syscall(SYS_%s", begin, call->name);
    for (EACH_PARAMETER(p, call))
        printf(", %s", value(call, p));
    puts("));");
}

/* How it is made where the machine has no such call. */
static void emit_the_form(const struct call *call, const char *begin)
{
    printf("#else\n%srequest_result(syscall(SYS_%s", begin, call->form);
    for (const struct word *word = call->form_arguments; word != NULL; word = word->next) {
        const char *text = words("(long)%s", word->text);
        for (EACH_PARAMETER(p, call))
            if (strcmp(p->name, word->text) == 0)
                text = value(call, p);
        printf(", %s", text);
    }
    puts("));\n#endif");
}

static void emit_wait(const struct call *call)
{
    const struct parameter *fd = first_descriptor(call), *array = measured(call);
    printf("    long wait = request_wait(r, %s, %s);\n    if (wait != 0)\n        return wait;\n", fd->name,
           call->marks & WAITS_IN ? "POLLIN" : "POLLOUT");
    if (call->marks & WAITS_OUT && array != NULL && array->kind == GOES_IN)
        printf("    %s = request_room(%s, %s);\n", array->bound, fd->name, array->bound);
}

static void emit_handler(const struct call *call)
{
    const struct parameter *array = measured(call);
    bool back = array != NULL && array->kind == COMES_OUT;
    const char *begin = back ? "    long result = " : "    return ";
    printf("\nstatic long serve_%s(struct request *r)\n{\n", call->id);
    if (call->form == NULL)
        printf("#ifdef SYS_%s\n", call->name);
    for (EACH_PARAMETER(p, call))
        emit_count(call, p);
    for (EACH_PARAMETER(p, call))
        emit_take(call, p);
    puts("    if (r->error != 0)\n        return r->error;");
    if (call->marks & (WAITS_IN | WAITS_OUT))
        emit_wait(call);
    if (call->form != NULL)
        printf("#ifdef SYS_%s\n", call->name);
    emit_the_call(call, begin);
    if (call->form != NULL)
        emit_the_form(call, begin);
    if (back)
        printf("    if (result >= 0 && %s != NULL && %s != 0)\n        give_back(r, back, (size_t)result * sizeof(%s));\n"
               "    return result;\n", array->name, array->bound, array->type);
    puts(call->form == NULL ? "#else\n    return -ENOSYS;\n#endif\n}" : "}");
}

void emit_shadow(void)
{
    emit_title("shadow_calls.c");
    puts("#include \"stub_shadow.h\"");
    for (EACH_CALL(call))
        if (is_remote(call) && !(call->marks & SERVED))
            emit_handler(call);
    puts("\nrequest_handler *const handlers[CALL_COUNT] = {");
    for (EACH_CALL(call))
        if (is_remote(call))
            printf("    [CALL_%s] = serve_%s,\n", call->id, call->id);
    puts("};\n\nconst char *const call_names[CALL_COUNT] = {");
    for (EACH_CALL(call))
        if (is_remote(call))
            printf("    [CALL_%s] = \"%s\",\n", call->id, call->id);
    puts("};");
}

/* --- The list --- */

static const char *class_of(const struct call *call)
{
    if (call->marks & REFUSED)
        return "refused";
    if (call->marks & LOCAL && call->marks & NAME_ONLY)
        return "stays here";
    if (call->marks & CHANGES)
        return "changes it";
    return call->marks & READS || first_descriptor(call) != NULL ? "reads it" : "does not look at the table";
}

void emit_list(void)
{
    for (EACH_CALL(call)) {
        printf("%-28s%s", call->id, class_of(call));
        if (call->marks & REFUSED)
            printf(", %s: %.*s", call->otherwise, (int)strlen(call->why) - 2, call->why + 1);
        if (call->marks & LOCAL && !(call->marks & NAME_ONLY))
            printf(", local");
        printf("%s%s%s\n", call->marks & BY_HAND ? ", by hand" : "", call->marks & SERVED ? ", served" : "",
               call->marks & (WAITS_IN | WAITS_OUT) ? ", waits" : "");
    }
}
