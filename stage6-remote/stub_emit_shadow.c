/* stub_emit_shadow.c - the shadow's code: of each call serve_NAME(), which takes what came, and makes the call. */
#include "stub_gen.h"
#include "libc.h"

static const char *size_of(const struct parameter *p)
{
    return p->bound != NULL ? words("%s * sizeof(%s)", p->bound, p->type) : words("sizeof(%s)", p->type);
}

static void emit_take_path(const struct call *call, int i)
{
    const struct parameter *p = &call->parameters[i];
    const char *directory = p->directory >= 0 ? call->parameters[p->directory].name : "AT_FDCWD";
    const char *flags = "0";
    if (call->at_flags >= 0 && first_path(call) == i)
        flags = words("(int)r->arguments[%d]", call->at_flags);
    printf("    const char *%s = take_path(r, %d, %s, %s, %s);\n", p->name, i, directory, p->use, flags);
}

static void emit_take_memory(const struct call *call, int i)
{
    static const char *const names[] = {[GOES_IN] = "in", [COMES_OUT] = "out", [IN_AND_OUT] = "inout"};
    const struct parameter *p = &call->parameters[i];
    if (p->kind == COMES_OUT && p->count >= 0)
        puts("    int back = r->out_count;");
    printf("    %s%s *%s = take_%s(r, %d, %s);\n", p->kind == GOES_IN ? "const " : "", p->type, p->name,
           names[p->kind], i, size_of(p));
}

static void emit_take(const struct call *call, int i)
{
    const struct parameter *p = &call->parameters[i];
    if (p->kind == DESCRIPTOR)
        printf("    int %s = take_%s(r, %d);\n", p->name,
               p->changed                        ? "fd_to_change"
               : path_in_directory(call, i) >= 0 ? "directory"
                                                 : "fd",
               i);
    else if (p->use != NULL)
        emit_take_path(call, i);
    else if (p->kind == STRING)
        printf("    const char *%s = take_text(r, %d);\n", p->name, i);
    else if (p->kind >= GOES_IN)
        emit_take_memory(call, i);
}

/* A parameter, in a call. */
static const char *value(const struct call *call, int i)
{
    const struct parameter *p = &call->parameters[i];
    if (p->kind == CONSTANT)
        return words("(long)%s", p->name);
    return p->kind == NUMBER && array_counted_by(call, i) < 0 ? words("r->arguments[%d]", i) : p->name;
}

static void emit_the_call(const struct call *call, const char *begin)
{
    printf("%srequest_result(syscall(SYS_%s", begin, call->name);
    for (int i = 0; i < call->count; i++)
        printf(", %s", value(call, i));
    puts("));");
}

/* The same, where the machine has no such call. */
static void emit_the_form(const struct call *call, const char *begin)
{
    printf("%srequest_result(syscall(SYS_%s", begin, call->form);
    for (const struct word *word = call->form_arguments; word != NULL; word = word->next) {
        int i = find_name(call, word->text);
        printf(", %s", i >= 0 ? value(call, i) : words("(long)%s", word->text));
    }
    puts("));");
}

static void emit_wait(const struct call *call)
{
    const char *fd = call->parameters[find_kind(call, DESCRIPTOR)].name;
    int i = measured_array(call);
    printf("    long wait = request_wait(r, %s, %s);\n    if (wait != 0)\n        return wait;\n", fd,
           call->marks & WAITS_IN ? "POLLIN" : "POLLOUT");
    if (call->marks & WAITS_OUT && i >= 0)
        printf("    %s = request_room(%s, %s);\n", call->parameters[i].bound, fd, call->parameters[i].bound);
}

static void emit_taking(const struct call *call)
{
    for (int i = 0; i < call->count; i++) { /* these first: the pointers need them */
        int array = array_counted_by(call, i);
        if (array >= 0)
            printf("    size_t %s = take_count(r, %d, sizeof(%s));\n", call->parameters[i].name, i,
                   call->parameters[array].type);
    }
    for (int i = 0; i < call->count; i++)
        emit_take(call, i);
    puts("    if (r->error != 0)\n        return r->error;");
    if (call->marks & (WAITS_IN | WAITS_OUT))
        emit_wait(call);
}

/* The array whose length is the result goes back up to there. */
static void emit_back(const struct parameter *p)
{
    printf(
        "    if (result >= 0 && %s != NULL && %s != 0)\n        give_back(r, back, (size_t)result * sizeof(%s));\n"
        "    return result;\n",
        p->name, p->bound, p->type);
}

static void emit_handler(const struct call *call)
{
    int i = measured_array(call);
    bool back = i >= 0 && call->parameters[i].kind == COMES_OUT;
    const char *begin = back ? "    long result = " : "    return ",
               *if_there = words("#ifdef SYS_%s\n", call->name);
    printf("\nstatic long serve_%s(struct request *r)\n{\n%s", call->id, call->form == NULL ? if_there : "");
    emit_taking(call);
    if (call->form != NULL)
        fputs(if_there, stdout);
    emit_the_call(call, begin);
    if (call->form != NULL) {
        puts("#else");
        emit_the_form(call, begin);
        puts("#endif");
    }
    if (back)
        emit_back(&call->parameters[i]);
    puts(call->form == NULL ? "#else\n    return -ENOSYS;\n#endif\n}" : "}");
}

/* One line for each call that home makes. */
static void emit_array(const char *head, const char *line)
{
    printf("\n%s = {\n", head);
    for (const struct call *call = calls; call < calls + call_count; call++)
        if (is_remote(call))
            printf(line, call->id, call->id); // NOLINT: the two lines below
    puts("};");
}

void emit_shadow(void)
{
    emit_title("shadow_calls.c");
    puts("#include \"stub_shadow.h\"");
    for (const struct call *call = calls; call < calls + call_count; call++)
        if (is_remote(call) && !(call->marks & SERVED))
            emit_handler(call);
    emit_array("request_handler *const handlers[CALL_COUNT]", "    [CALL_%s] = serve_%s,\n");
    emit_array("const char *const call_names[CALL_COUNT]", "    [CALL_%s] = \"%s\",\n");
}
