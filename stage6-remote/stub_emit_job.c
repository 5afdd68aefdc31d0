/* stub_emit_job.c - the job's code: stub_NAME() decides where a call is made, remote_NAME() sends it home. */
#include "stub_gen.h"
#include "libc.h"

static const char *otherwise(const struct call *call, const char *error)
{
    return call->otherwise != NULL ? call->otherwise : error;
}

/* --- remote_NAME(): what goes in, what comes out --- */

/* An array, as far as another parameter says; what must not be less than it is goes whole or not at all. */
static void emit_array(const struct call *call, int i, const char *direction)
{
    const struct parameter *p = &call->parameters[i];
    const char *count = p->bound;
    if (p->count >= 0) {
        printf("    size_t n%d = %s(&call, %d, (long)(%s)arguments[%d], sizeof(%s));\n", i,
               measured_array(call) == i ? "cut" : "whole", p->count, call->parameters[p->count].type, p->count,
               p->type);
        count = words("n%d", i);
    }
    printf("    call_%s(&call, %d, %s * sizeof(%s));\n", direction, i, count, p->type);
}

static void emit_pointer(const struct call *call, int i)
{
    static const char *const directions[] = {[GOES_IN] = "in", [COMES_OUT] = "out", [IN_AND_OUT] = "inout"};
    const struct parameter *p = &call->parameters[i];
    if (p->kind == STRING)
        printf("    call_%s(&call, %d);\n", p->use != NULL ? "path" : "string", i);
    else if (p->bound != NULL)
        emit_array(call, i, directions[p->kind]);
    else if (p->kind >= GOES_IN)
        printf("    call_%s(&call, %d, sizeof(%s));\n", directions[p->kind], i, p->type);
}

static void emit_head(const struct call *call, const char *kind, const char *prefix)
{
    printf("\n%slong %s_%s(const long arguments[CALL_ARGUMENTS]%s)\n{\n", kind, prefix, call->id,
           has_flags(call) ? ", uint32_t flags" : "");
}

static void emit_pieces(const struct call *call)
{
    int i = measured_array(call);
    emit_head(call, "", "remote");
    printf("    static const struct pieces p = {piece_%s, %d, %d, %d, %s};\n", call->id, i,
           call->parameters[i].count, call->offset, call->parameters[i].kind == GOES_IN ? "true" : "false");
    puts("    return in_pieces(&p, arguments, flags);\n}");
}

static void emit_remote(const struct call *call)
{
    int measured = measured_array(call);
    if (call->marks & PIECES)
        emit_head(call, "static ", "piece");
    else
        emit_head(call, "", "remote");
    printf("    struct remote_call call;\n    call_begin(&call, CALL_%s, arguments);\n", call->id);
    if (has_flags(call))
        puts("    call.head.flags = flags;");
    for (int i = 0; i < call->count; i++)
        emit_pointer(call, i);
    if (measured >= 0)
        printf("    return within(REMOTE_syscall(&call), n%d);\n}\n", measured);
    else
        puts("    return REMOTE_syscall(&call);\n}");
    if (call->marks & PIECES)
        emit_pieces(call);
}

/* --- stub_NAME(): here, or at home? --- */

/* What a parameter says about it: an expression, or NULL. */
static const char *side(const struct call *call, int i)
{
    const struct parameter *p = &call->parameters[i];
    if (p->kind == DESCRIPTOR && path_in_directory(call, i) < 0)
        return words("map(&a[%d])", i);
    if (p->use == NULL)
        return NULL;
    return p->directory >= 0 ? words("map_at(&a[%d], (const char *)a[%d])", p->directory, i)
                             : words("path_side((const char *)a[%d])", i);
}

/* All of them must say the same.  Returns how many say something. */
static int emit_sides(const struct call *call)
{
    int count = 0;
    for (int i = 0; i < call->count; i++) {
        const char *text = side(call, i);
        if (text != NULL && count++ == 0) {
            puts("    long a[CALL_ARGUMENTS];\n    memcpy(a, trap->arguments, sizeof a);");
            printf("    enum side side = %s;\n", text);
        } else if (text != NULL)
            printf("    if (%s != side)\n        return -%s;\n", text, otherwise(call, "EXDEV"));
    }
    return count;
}

static void emit_stub(const struct call *call)
{
    const char *flags = has_flags(call) ? ", 0" : "";
    if (call->marks & (WAITS_IN | WAITS_OUT))
        flags = words(", no_wait(trap->arguments[%d])", find_kind(call, DESCRIPTOR));
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

/* A call with cases: which one is it?  None: then it is this kernel's if its file is, and else it fails. */
static void emit_cases(const struct call *first)
{
    int constant = find_kind(first, CONSTANT), fd = -1;
    printf("\nlong stub_%s(struct trap *trap)\n{\n    switch ((unsigned)trap->arguments[%d]) {\n", first->name,
           constant);
    for (const struct call *call = first; call < calls + call_count; call++) {
        if (strcmp(call->name, first->name) != 0)
            continue;
        printf("    case %s: return %s;\n", call->parameters[constant].name,
               is_here(call) ? "CALL_LOCAL" : words("stub_%s(trap)", call->id));
        if (fd < 0)
            fd = find_kind(call, DESCRIPTOR);
    }
    puts("    }");
    if (fd >= 0)
        printf("    long fd = trap->arguments[%d];\n    if (map(&fd) == HERE)\n        return CALL_LOCAL;\n", fd);
    printf("    return -%s;\n}\n", otherwise(first, "EINVAL"));
}

/* --- The lists --- */

static void emit_entry(const struct call *call)
{
    if (!is_first(call) || (call->marks & NAME_ONLY && call->marks & LOCAL))
        return;
    printf("#ifdef SYS_%s\n    {SYS_%s, \"%s\", ", call->name, call->name, call->name);
    if (call->marks & REFUSED)
        printf("NULL, %s, %s},\n#endif\n", call->otherwise, call->why);
    else
        printf("stub_%s, 0, NULL},\n#endif\n", call->name);
}

static void emit_lists(void)
{
    puts("\nconst struct stub stubs[] = {");
    for (const struct call *call = calls; call < calls + call_count; call++)
        emit_entry(call);
    puts("    {-1, NULL, NULL, 0, NULL},\n};\n\nconst int local_calls[] = {");
    for (const struct call *call = calls; call < calls + call_count; call++)
        if (call->marks & NAME_ONLY && call->marks & LOCAL)
            printf("#ifdef SYS_%s\n    SYS_%s,\n#endif\n", call->name, call->name);
    puts("    -1,\n};");
}

void emit_job(void)
{
    emit_title("syscall_stubs.c");
    puts("#include \"stub_job.h\"");
    for (const struct call *call = calls; call < calls + call_count; call++) {
        if (is_remote(call))
            emit_remote(call);
        if (!(call->marks & (BY_HAND | NAME_ONLY)) && !is_here(call))
            emit_stub(call);
        if (is_first(call) && is_case(call))
            emit_cases(call);
    }
    emit_lists();
}
