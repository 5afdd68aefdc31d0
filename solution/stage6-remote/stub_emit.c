/* stub_emit.c - a template becomes the header that job and shadow have in common; and a list for people. */
#include "stub_gen.h"
#include "libc.h"

void emit_title(const char *file)
{
    printf("/* %s - made by stub_gen from %s: change that. */\n", file, basename(template_name));
}

/* All that the two sides must agree on, as text. */
static const char *signature(const struct call *call)
{
    const char *text = words("%s %d;", call->id, call->at_flags);
    for (int i = 0; i < call->count; i++) {
        const struct parameter *p = &call->parameters[i];
        text = words("%s%d %s %s %s,", text, p->kind, p->type, p->bound != NULL ? p->bound : "",
                     p->use != NULL ? p->use : "");
    }
    return text;
}

/* FNV-1a.  Both sides must have been made from the same list: else one's call is another one for the other. */
static unsigned digest(void)
{
    unsigned hash = 2166136261U;
    for (const struct call *call = calls; call < calls + call_count; call++)
        for (const char *text = is_remote(call) ? signature(call) : ""; *text != '\0'; text++)
            hash = (hash ^ (unsigned char)*text) * 16777619U;
    return hash;
}

static void emit_numbers(void)
{
    puts("enum remote_call_number {\n    CALL_NONE,");
    for (const struct call *call = calls; call < calls + call_count; call++)
        if (is_remote(call))
            printf("    CALL_%s,\n", call->id);
    puts("    CALL_COUNT\n};\n");
}

static void emit_prototypes(const struct call *call)
{
    if (call->marks & REFUSED || (call->marks & NAME_ONLY && !(call->marks & BY_HAND)))
        return;
    if (is_first(call))
        printf("long stub_%s(struct trap *trap);\n", call->name);
    if (is_case(call) && !is_here(call))
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
           "#define CALLS_DIGEST 0x%08xU /* of all calls and their parameters: struct hello */\n\n",
           digest());
    emit_numbers();
    puts(
        "/* What becomes of a call that is caught.  The last has number -1. */\n"
        "struct stub {\n    long number;\n    const char *name;\n"
         "    long (*stub)(struct trap *trap); /* or NULL: */\n"
        "    int refuse_errno;\n    const char *why;\n};\nextern const struct stub stubs[];\n\n"
        "/* The numbers of those that are not caught, then -1. */\nextern const int local_calls[];\n\n"
        "/* The shadow's, by enum remote_call_number; CALL_NONE has NULL. */\n"
        "extern long (*const handlers[CALL_COUNT])(struct request *r);\n"
        "extern const char *const call_names[CALL_COUNT];\n\n"
        "/* flags: enum call_flag.  What this processor's Linux never had (aarch64: open) has a stub, too, which\n"
        " * nothing calls. */");
    for (const struct call *call = calls; call < calls + call_count; call++)
        emit_prototypes(call);
    puts("\n#endif");
}

static const char *class_of(const struct call *call)
{
    if (call->marks & REFUSED)
        return words("refused, %s: %.*s", call->otherwise, (int)strlen(call->why) - 2, call->why + 1);
    if (call->marks & LOCAL && call->marks & NAME_ONLY)
        return "stays here";
    if (call->marks & CHANGES)
        return "changes it";
    return call->marks & READS || find_kind(call, DESCRIPTOR) >= 0 ? "reads it" : "does not look at the table";
}

void emit_list(void)
{
    for (const struct call *call = calls; call < calls + call_count; call++)
        printf("%-28s%s%s%s%s%s\n", call->id, class_of(call),
               (call->marks & (LOCAL | NAME_ONLY)) == LOCAL ? ", local" : "",
               call->marks & BY_HAND ? ", by hand" : "", call->marks & SERVED ? ", served" : "",
               call->marks & (WAITS_IN | WAITS_OUT) ? ", waits" : "");
}
