/* stub_ask.c - what the parts of stub_gen ask about a call.  Where a parameter is the answer: its number, or -1. */
#include "stub_gen.h"
#include "libc.h"

bool is_remote(const struct call *call)
{
    return !(call->marks & (LOCAL | REFUSED | NAME_ONLY));
}

bool is_here(const struct call *call)
{
    return call->marks & LOCAL && !(call->marks & (BY_HAND | NAME_ONLY)) && find_kind(call, DESCRIPTOR) < 0;
}

bool is_case(const struct call *call)
{
    return find_kind(call, CONSTANT) >= 0;
}

bool is_first(const struct call *call)
{
    for (const struct call *earlier = calls; earlier < call; earlier++)
        if (strcmp(earlier->name, call->name) == 0)
            return false;
    return true;
}

bool has_flags(const struct call *call)
{
    return call->marks & (WAITS_IN | WAITS_OUT | PIECES);
}

int find_kind(const struct call *call, enum parameter_kind kind)
{
    for (int i = 0; i < call->count; i++)
        if (call->parameters[i].kind == kind)
            return i;
    return -1;
}

int find_name(const struct call *call, const char *name)
{
    for (int i = 0; i < call->count; i++)
        if (strcmp(call->parameters[i].name, name) == 0)
            return i;
    return -1;
}

int first_path(const struct call *call)
{
    for (int i = 0; i < call->count; i++)
        if (call->parameters[i].use != NULL)
            return i;
    return -1;
}

int path_in_directory(const struct call *call, int directory)
{
    for (int i = 0; i < call->count; i++)
        if (call->parameters[i].use != NULL && call->parameters[i].directory == directory)
            return i;
    return -1;
}

int array_counted_by(const struct call *call, int count)
{
    for (int i = 0; i < call->count; i++)
        if (call->parameters[i].count == count)
            return i;
    return -1;
}

int measured_array(const struct call *call)
{
    for (int i = 0; i < call->count; i++) {
        const struct parameter *p = &call->parameters[i];
        if (p->count >= 0 && (p->kind == COMES_OUT || (p->kind == GOES_IN && strcmp(call->type, "ssize_t") == 0)))
            return i;
    }
    return -1;
}
