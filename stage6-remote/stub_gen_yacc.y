/*
 * stub_gen_yacc.y - the grammar of a template (stubs.tmpl), bison(1); and the program:
 *
 *     stub_gen_lex.l   characters become words          stub_check.c    sentences that make no sense are refused
 *     this file        words become sentences           stub_emit*.c    what is left becomes code
 */
%code requires {
#include "stub_gen.h"
}
%code {
#include "libc.h"

int yylex(void);
static void yyerror(const char *message);

static struct call now;         /* what is being read */
static struct declaration seen;

static struct word *append(struct word *list, const char *text)
{
    struct word *word = calloc(1, sizeof *word), **end = &list;
    if (word == NULL)
        err(EX_OSERR, "memory");
    word->text = text;
    while (*end != NULL)
        end = &(*end)->next;
    *end = word;
    return list;
}

/* All words of a list but the last are a type. */
static void begin_call(int marks, struct word *list)
{
    now = (struct call){.marks = marks, .line = line_now, .type = "", .at_flags = -1, .offset = -1};
    if (list->next == NULL)
        wrong(line_now, "expected a type before `%s', as in a prototype", list->text);
    for (; list->next != NULL; list = list->next)
        now.type = words("%s%s%s", now.type, *now.type != '\0' ? " " : "", list->text);
    now.name = list->text;
}

static void add_names(int marks, struct word *names, const char *error, const char *why)
{
    for (; names != NULL; names = names->next) {
        if (!(marks & (LOCAL | BY_HAND | REFUSED)))
            wrong(line_now, "expected a prototype, or local, by_hand or refuse before `%s'", names->text);
        now = (struct call){.name = names->text, .marks = marks | NAME_ONLY, .line = line_now, .otherwise = error,
                            .why = why, .at_flags = -1, .offset = -1};
        add_call(&now);
    }
}
}
%define parse.error custom
%define parse.lac full
%define api.value.type union

%token <char *> NAME "a name" A_NUMBER "a number" TEXT "a text in quotes"
%token <int> MARK "a word like by_hand"
%token CONST "const" REFUSE "refuse" OTHERWISE "otherwise" END 0 "the end of the file"
%type <int> marks
%type <struct word *> type names form_arguments
%type <char *> bound form_argument
%%
template: %empty | template sentence;

sentence: marks names ';'                               { add_names($1, $2, NULL, NULL); }
        | marks type '(' { begin_call($1, $2); } parameters ')' form ';'    { add_call(&now); }
        | REFUSE NAME TEXT names ';'                    { check_errno($2); add_names(REFUSED, $4, $2, $3); }
        | OTHERWISE NAME NAME ';'                       { check_errno($2); add_otherwise($2, $3); }
        ;

marks: %empty { $$ = 0; } | marks MARK { $$ = $1 | $2; };
names: NAME { $$ = append(NULL, $1); } | names ',' NAME { $$ = append($1, $3); };
type: NAME { $$ = append(NULL, $1); } | type NAME { $$ = append($1, $2); };

parameters: %empty | some_parameters;
some_parameters: parameter | some_parameters ',' parameter;
parameter: declaration                      { add_parameter(&now, NULL, &seen); }
         | NAME '(' declaration ')'         { add_parameter(&now, $1, &seen); }
         | NAME '(' NAME '(' declaration ')' ')'    { add_parameter(&now, $3, &seen); add_changed(&now, $1); }
         ;

declaration: plain { seen.is_const = false; } | CONST plain { seen.is_const = true; };
plain: type '*' NAME                        { seen = (struct declaration){.type = $1, .pointer = $3}; }
     | type '[' bound ']'                   { seen = (struct declaration){.type = $1, .bound = $3}; }
     | type                                 { seen = (struct declaration){.type = $1}; }
     ;
bound: NAME | A_NUMBER;

form: %empty | '=' NAME '(' form_arguments ')'          { now.form = $2; now.form_arguments = $4; };
form_arguments: form_argument               { $$ = append(NULL, $1); }
              | form_arguments ',' form_argument    { $$ = append($1, $3); }
              ;
form_argument: NAME | A_NUMBER;
%%
static void yyerror(const char *message)
{
    wrong(line_now, "%s", message);
}

/* FILE:LINE: expected A, B or C, found D. */
static int yyreport_syntax_error(const yypcontext_t *context)
{
    yysymbol_kind_t expected[8], found = yypcontext_token(context);
    int count = yypcontext_expected_tokens(context, expected, 8);
    const char *list = "";
    for (int i = 0; i < count; i++)
        list = words("%s%s%s", list, i == 0 ? "" : i + 1 < count ? ", " : " or ", yysymbol_name(expected[i]));
    const char *text = found == YYSYMBOL_NAME || found == YYSYMBOL_A_NUMBER ? yylval.NAME : yysymbol_name(found);
    wrong(line_now, "expected %s, found %s", *list != '\0' ? list : "something else", text);
}

const char *template_name;

void wrong(int line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s:%d: ", template_name, line);
    vfprintf(stderr, format, arguments); // NOLINT: va_start() is above
    fputc('\n', stderr);
    va_end(arguments);
    exit(EX_DATAERR);
}

char *words(const char *format, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        err(EX_OSERR, "memory");
    va_end(arguments);
    return text;
}

static const char usage[] =
    "Usage: stub_gen [--header|--job|--shadow|--list] FILE\n"
    "Make the code for system calls that go home, from a template of their prototypes (stubs.tmpl).\n\n"
    "  --header  syscall_stubs.h: the numbers of the calls, and all prototypes\n"
    "  --job     syscall_stubs.c: the stubs, for libckpt.so, and the lists of what is caught\n"
    "  --shadow  shadow_calls.c: the handlers, for ckpt-shadow\n"
    "  --list    each call with its class: does not look at the Open File Table, reads it, changes it;\n"
    "            and what stays here or is refused\n"
    "  none      header, job and shadow, one behind the other\n\n"
    "Exit status: 0; 64 wrong usage; 65 the template is wrong (FILE:LINE: what was expected); 66 no such file.\n";

static void emit(const char *option)
{
    bool all = option == NULL;
    if (all || strcmp(option, "--header") == 0)
        emit_header();
    if (all || strcmp(option, "--job") == 0)
        emit_job();
    if (all || strcmp(option, "--shadow") == 0)
        emit_shadow();
    if (!all && strcmp(option, "--list") == 0)
        emit_list();
}

static bool is_option(const char *word)
{
    static const char *const options[] = {"--header", "--job", "--shadow", "--list"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (strcmp(word, options[i]) == 0)
            return true;
    return false;
}

extern FILE *yyin;

int main(int argc, char **argv)
{
    if (argc == 2 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0))
        usage_exit(usage, true);
    if (argc < 2 || argc > 3 || argv[argc - 1][0] == '-' || (argc == 3 && !is_option(argv[1])))
        usage_exit(usage, false);
    template_name = argv[argc - 1];
    yyin = fopen(template_name, "re");
    if (yyin == NULL)
        err(EX_NOINPUT, "%s", template_name);
    ungetc(getc(yyin), yyin);
    if (ferror(yyin))
        err(EX_NOINPUT, "%s", template_name);
    yyparse();
    check_template();
    emit(argc == 3 ? argv[1] : NULL);
    if (fflush(stdout) != 0)
        err(EX_IOERR, "standard output");
    return 0;
}
