/*
 * stub_gen.h - a template in memory: what stub_gen_yacc.y reads, stub_check.c looks through and stub_emit.c writes.
 *
 * stub_gen runs once, at the build: what it takes from malloc(3) it keeps.
 */
#ifndef CKPT_STUB_GEN_H
#define CKPT_STUB_GEN_H

#include <stdbool.h>

#define MAX_PARAMETERS 6 /* CALL_ARGUMENTS: the processor's registers for a call */
#define MAX_CALLS      1024

/* The words that may stand before a call. */
enum mark {
    CHANGES = 1,
    READS = 2,
    BY_HAND = 4,
    SERVED = 8,
    WAITS_IN = 16,
    WAITS_OUT = 32,
    PIECES = 64,
    LOCAL = 128,
    AT_HOME = 256,
    REFUSED = 512,
    NAME_ONLY = 1024, /* without a prototype */
};

/* A list of words. */
struct word {
    const char *text;
    struct word *next;
};

enum parameter_kind { NUMBER, CONSTANT, DESCRIPTOR, STRING, GOES_IN, COMES_OUT, IN_AND_OUT };

struct parameter {
    enum parameter_kind kind;
    const char *type;  /* of a T *: T */
    const char *name;  /* of a CONSTANT: the constant */
    const char *bound; /* T name[bound]: another parameter's name, or a number; or NULL */
    int count;         /* the number of that parameter; or -1 */
    const char *use;   /* of a STRING: PATH_READ...; NULL: it is no path */
    int directory;     /* of a path: the map() that it is relative to; or -1 */
    bool changed;      /* of a DESCRIPTOR: write(map()): the file is changed, without being open for that */
};

struct call {
    const char *name; /* SYS_name */
    const char *id;   /* of a case: NAME_CONSTANT; else the name */
    const char *type;
    int marks, line;
    int count; /* of parameters */
    struct parameter parameters[MAX_PARAMETERS];
    int at_flags, offset; /* the numbers of at() and offset(), or -1 */
    const char *form;     /* = NAME(...): its name; or NULL */
    struct word *form_arguments;
    const char *otherwise; /* an errno, or NULL: see otherwise() */
    const char *why;       /* it is refused */
};

extern struct call calls[MAX_CALLS];
extern int call_count;
extern const char *template_name;

/* Says FILE:LINE: and the message, and ends the program: EX_DATAERR. */
__attribute__((noreturn, format(printf, 2, 3))) void wrong(int line, const char *format, ...);

/* Words of malloc's memory. */
__attribute__((format(printf, 1, 2))) char *words(const char *format, ...);

/* A parameter as it stands there: [const] TYPE * NAME, [const] TYPE NAME [bound], TYPE NAME, or a CONSTANT. */
struct declaration {
    bool is_const;
    struct word *type;   /* and, but behind a *, the name */
    const char *pointer; /* the name behind a * */
    const char *bound;
};

/* stub_check.c.  They end the program if what they are given makes no sense.  wrapper: "map", ... or NULL. */
void add_parameter(struct call *call, const char *wrapper, const struct declaration *d);
void add_changed(struct call *call, const char *outer); /* the last one: write(map()) */
void add_call(const struct call *call);
void add_otherwise(const char *error, const char *name);
void check_errno(const char *name);
void check_template(void);

extern int line_now; /* of the lexer */

/* stub_ask.c. */
bool is_remote(const struct call *call); /* home makes it */
bool is_here(const struct call *call);   /* a case that is made here, whatever file it is about */
bool is_case(const struct call *call);
bool is_first(const struct call *call);  /* of the cases of a call; or it has none */
bool has_flags(const struct call *call); /* remote_NAME() can be told that it must not wait */
int find_kind(const struct call *call, enum parameter_kind kind); /* the first one */
int find_name(const struct call *call, const char *name);
int first_path(const struct call *call);
int path_in_directory(const struct call *call, int directory);
int array_counted_by(const struct call *call, int count);
int measured_array(const struct call *call); /* the result is how much of it was used */

/* Each prints to standard output.  stub_emit_job.c, stub_emit_shadow.c; the others: stub_emit.c. */
void emit_job(void);
void emit_shadow(void);
void emit_header(void);
void emit_list(void);
void emit_title(const char *file);

#endif
