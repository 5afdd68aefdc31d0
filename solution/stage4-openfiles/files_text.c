/*
 * files_text.c - reads an Open File Table that a person has edited.  The format: fdtext.h.
 *
 * The text says which files with a path there are.  Pipes, memory files and the like, whose lines begin with #,
 * come from the image's own table; where there is none (a core file), they are lost.
 */
#include "fdtext.h"
#include "files_plan.h"

#define MAX_LINES 65536

/* A table under construction. */
struct draft {
    struct open_file files[MAX_LINES + 3];
    uint32_t count;
    char *extra; /* the old one's, and what is added */
    uint64_t extra_size;
    uint32_t pid; /* of the first life */
    const char *path; /* of the text, for messages */
    unsigned line;
};

static void wrong(const struct draft *draft, const char *what)
{
    errx(EX_DATAERR, "%s: line %u: %s (a line is fd : filename : offset : flags)", draft->path, draft->line, what);
}

/* Cuts off the last field, behind " : ", and returns it; NULL if there is none.  A name may contain " : ". */
static char *last_field(char *line)
{
    char *last = NULL;
    for (char *at = line; (at = strstr(at, " : ")) != NULL; at += 3)
        last = at;
    if (last == NULL)
        return NULL;
    *last = '\0';
    return last + 3;
}

static bool is_number(const char *text)
{
    return *text != '\0' && strspn(text, "0123456789") == strlen(text);
}

/* \012 and \134 become what they stand for, in place. */
static void unescape(char *name)
{
    char *to = name;
    for (const char *from = name; *from != '\0'; to++)
        if (strncmp(from, "\\012", 4) == 0 || strncmp(from, "\\134", 4) == 0) {
            *to = from[2] == '1' ? '\n' : '\\';
            from += 4;
        } else {
            *to = *from++;
        }
    *to = '\0';
}

static bool find_word(const struct flag_word *words, const char *word, uint32_t *flag)
{
    for (; words->word[0] != '\0'; words++)
        if (strcmp(words->word, word) == 0) {
            *flag = words->flag;
            return true;
        }
    return false;
}

static void parse_word(const struct draft *draft, struct open_file *file, const char *word)
{
    uint32_t flag;
    if (find_word(access_words, word, &flag))
        file->flags = (file->flags & ~(uint32_t)O_ACCMODE) | flag;
    else if (find_word(flag_words, word, &flag))
        file->flags |= flag;
    else if (strcmp(word, "cloexec") == 0)
        file->close_on_exec = 1;
    else if (strcmp(word, "pre-opened") == 0)
        file->pre_opened = 1;
    else if (strncmp(word, "dup-of=", 7) == 0 && is_number(word + 7))
        file->dup_of = atoi(word + 7);
    else
        wrong(draft, "a flag that is none");
}

/* Where a file without flags may be written it will be: Condor and libsavefds knew no flags. */
static uint32_t likely_flags(const char *path)
{
    return access(path, W_OK) == 0 ? O_RDWR : access(path, R_OK) == 0 ? O_RDONLY : O_WRONLY;
}

static void add_path(struct draft *draft, struct open_file *file, const char *path)
{
    size_t size = strlen(path) + 1;
    draft->extra = realloc(draft->extra, draft->extra_size + size);
    if (draft->extra == NULL)
        err(EX_OSERR, "%s", draft->path);
    memcpy(draft->extra + draft->extra_size, path, size);
    file->path = (uint32_t)draft->extra_size;
    draft->extra_size += size;
}

/* What a line that the image knows nothing of means: what lies at its path now. */
static void look_up(struct open_file *file, const char *path)
{
    struct stat st = {.st_mode = S_IFREG};
    stat(path, &st);
    bool terminal = strncmp(path, "/dev/pts/", 9) == 0 || strcmp(path, "/dev/tty") == 0;
    file->kind = S_ISDIR(st.st_mode) ? OPEN_DIRECTORY : S_ISFIFO(st.st_mode) ? OPEN_FIFO : OPEN_FILE;
    if (S_ISCHR(st.st_mode))
        file->kind = terminal ? OPEN_TERMINAL : OPEN_DEVICE;
    file->flags = likely_flags(path);
    file->mode = st.st_mode;
    file->size = (uint64_t)st.st_size;
    file->mtime_seconds = st.st_mtim.tv_sec;
    file->mtime_nanoseconds = st.st_mtim.tv_nsec;
}

static const struct open_file *entry_of(const struct open_file *files, uint32_t count, int fd)
{
    for (const struct open_file *file = files; file < files + count; file++)
        if (file->fd == fd)
            return file;
    return NULL;
}

/* The image's own entry, if it has one of this number, knows what the file was like. */
static struct open_file start_entry(const struct open_file_table *table, int fd, const char *path)
{
    const struct open_file *known = table == NULL ? NULL : entry_of(table->files, table->count, fd);
    struct open_file file = {0};
    if (known != NULL && known->dup_of == fd && open_has_path(known))
        file = *known;
    else
        look_up(&file, path);
    file.fd = file.dup_of = fd;
    file.real_fd = -1;
    return file;
}

static void parse_flags(const struct draft *draft, struct open_file *file, char *flags)
{
    uint32_t before = file->flags;
    file->flags = 0;
    file->close_on_exec = file->pre_opened = 0;
    for (char *word = strtok(flags, " ,"); word != NULL; word = strtok(NULL, " ,"))
        parse_word(draft, file, word);
    if (file->dup_of != file->fd)
        file->flags = before;
}

/* A line, taken apart in place. */
struct fields {
    int fd;
    char *name, *offset, *flags; /* flags may be NULL */
};

/* `fd : name : offset`, and flags, if the last field is no number.  Returns what is wrong, or NULL. */
static const char *split(char *line, struct fields *fields)
{
    fields->flags = fields->offset = last_field(line);
    if (fields->flags != NULL && !is_number(fields->flags))
        fields->offset = last_field(line);
    else
        fields->flags = NULL;
    char *name = strstr(line, " : ");
    if (name == NULL || fields->offset == NULL || !is_number(fields->offset))
        return "a field is missing, or the offset is no number";
    *name = '\0';
    if (!is_number(line) || strlen(line) > 7)
        return "the descriptor is no number";
    fields->fd = atoi(line);
    fields->name = name + 3;
    unescape(fields->name);
    return NULL;
}

static void add_file(struct draft *draft, struct open_file file, const char *path)
{
    if (draft->count >= MAX_LINES || entry_of(draft->files, draft->count, file.fd) != NULL)
        wrong(draft, "this descriptor has a line already, or there are too many");
    add_path(draft, &file, path);
    draft->files[draft->count++] = file;
}

static void parse_line(struct draft *draft, const struct open_file_table *table, char *line)
{
    struct fields fields;
    const char *bad = split(line, &fields);
    if (bad != NULL)
        wrong(draft, bad);
    struct open_file file = start_entry(table, fields.fd, fields.name);
    file.offset = strtoull(fields.offset, NULL, 10);
    if (fields.flags != NULL)
        parse_flags(draft, &file, fields.flags);
    add_file(draft, file, fields.name);
}

/*
 * `# fd : name : offset`: something without a path.  With no image that has it, it is lost, and its number stays
 * taken, unless another line has it.  Any other line with a # is a comment.
 */
static void parse_lost(struct draft *draft, char *line)
{
    struct fields fields;
    if (strncmp(line, "# ", 2) != 0 || split(line + 2, &fields) != NULL || fields.fd <= STDERR_FILENO ||
        entry_of(draft->files, draft->count, fields.fd) != NULL)
        return;
    struct open_file file = {.fd = fields.fd, .dup_of = fields.fd, .kind = OPEN_LOST, .real_fd = -1};
    add_file(draft, file, fields.name);
}

static bool is_file_line(const char *line)
{
    return line[strspn(line, " ")] != '\0' && line[0] != '#' && strncmp(line, "signal ", 7) != 0; /* no file's */
}

/* From the first line on: those of files; or, `lost`, those of what has no path. */
static void read_lines(struct draft *draft, const struct open_file_table *table, FILE *text, bool lost)
{
    char *line = NULL;
    size_t room = 0;
    rewind(text);
    draft->line = 0;
    for (ssize_t n; (n = getline(&line, &room, text)) > 0;) {
        draft->line++;
        line[n - (line[n - 1] == '\n')] = '\0';
        if (lost)
            parse_lost(draft, line);
        else if (is_file_line(line))
            parse_line(draft, table, line);
    }
    free(line);
}

/* What has no path is not in the text: it comes from the image. */
static void keep_others(struct draft *draft, const struct open_file_table *table)
{
    for (uint32_t i = 0; table != NULL && i < table->count; i++) {
        const struct open_file *file = &table->files[i];
        const struct open_file *owner = entry_of(table->files, table->count, file->dup_of);
        if (!open_has_path(owner) && entry_of(draft->files, draft->count, file->fd) == NULL)
            draft->files[draft->count++] = *file;
    }
}

/* 0, 1 and 2 without a line stay restart's own: who wrote a text by hand did not mean to close them. */
static void keep_standard(struct draft *draft)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        struct open_file file = {.fd = fd, .dup_of = fd, .kind = OPEN_DEVICE, .pre_opened = 1, .real_fd = -1};
        if (entry_of(draft->files, draft->count, fd) != NULL)
            continue;
        add_path(draft, &file, "");
        draft->files[draft->count++] = file;
    }
}

static int by_number(const void *a, const void *b)
{
    return ((const struct open_file *)a)->fd - ((const struct open_file *)b)->fd;
}

/* A duplicate may be the lower one, after an edit: then the two change places. */
static void check_duplicates(struct draft *draft)
{
    for (struct open_file *file = draft->files; file < draft->files + draft->count; file++) {
        const struct open_file *owner = entry_of(draft->files, draft->count, file->dup_of);
        if (owner == NULL || owner->dup_of != owner->fd || owner->fd > file->fd)
            errx(EX_DATAERR, "%s: descriptor %d: dup-of must name a lower descriptor that is no duplicate itself",
                 draft->path, file->fd);
    }
}

static struct open_file_table *finish(const struct draft *draft, size_t *size)
{
    size_t files_size = draft->count * sizeof *draft->files;
    *size = sizeof(struct open_file_table) + files_size + draft->extra_size;
    struct open_file_table *table = malloc(*size);
    if (table == NULL)
        err(EX_OSERR, "%s", draft->path);
    *table = (struct open_file_table){.count = draft->count, .pid = draft->pid, .extra_size = draft->extra_size};
    memcpy(table->files, draft->files, files_size);
    memcpy((char *)table->files + files_size, draft->extra, draft->extra_size);
    return table;
}

struct open_file_table *files_text(const struct open_file_table *table, const char *path, size_t *size)
{
    static struct draft draft;
    FILE *text = fopen(path, "re");
    if (text == NULL)
        err(EX_NOINPUT, "%s", path);
    draft.path = path;
    draft.extra_size = table == NULL ? 0 : table->extra_size;
    draft.extra = malloc(draft.extra_size + 1);
    if (draft.extra == NULL)
        err(EX_OSERR, "%s", path);
    if (table != NULL) {
        memcpy(draft.extra, open_extra(table), draft.extra_size);
        draft.pid = table->pid;
    }
    read_lines(&draft, table, text, false);
    if (table == NULL)
        read_lines(&draft, table, text, true);
    fclose(text);
    keep_others(&draft, table);
    keep_standard(&draft);
    qsort(draft.files, draft.count, sizeof *draft.files, by_number);
    check_duplicates(&draft);
    return finish(&draft, size);
}
