/* fdtext.c - writes the Open File Table as text.  The format: fdtext.h.  No libc. */
#include "fdtext.h"

const struct flag_word access_words[] = {{"read", O_RDONLY}, {"write", O_WRONLY}, {"read-write", O_RDWR}, {"", 0}};

const struct flag_word flag_words[] = {
    {"append", O_APPEND}, {"nonblock", O_NONBLOCK}, {"path", O_PATH}, {"direct", O_DIRECT},
    {"noatime", O_NOATIME}, {"sync", O_SYNC}, {"dsync", O_DSYNC}, {"async", O_ASYNC}, {"", 0},
};

/* Where the next piece of a line goes. */
struct line {
    char *to;
    size_t size, length;
};

static void add(struct line *line, const char *text)
{
    line->length += text_join(line->to + line->length, line->size - line->length, text, NULL);
}

static void add_number(struct line *line, uint64_t number)
{
    add(line, text_number(number, 10).digits);
}

/* A name must not end the line, nor begin a code that was not meant. */
static void add_name(struct line *line, const char *name)
{
    for (char one[2] = ""; *name != '\0'; name++) {
        one[0] = *name;
        add(line, *name == '\n' ? "\\012" : *name == '\\' ? "\\134" : one);
    }
}

static void add_flags(struct line *line, const struct open_file *file)
{
    add(line, access_words[(file->flags & O_ACCMODE) % 3].word);
    for (const struct flag_word *word = flag_words; word->word[0] != '\0'; word++) {
        bool hidden = word->flag == O_DSYNC && (file->flags & O_SYNC) == O_SYNC; /* O_SYNC has the bit of O_DSYNC */
        if ((file->flags & word->flag) == word->flag && !hidden) {
            add(line, " ");
            add(line, word->word);
        }
    }
}

size_t fdtext_line(char *to, size_t size, const struct open_file_table *table, const struct open_file *file)
{
    struct line line = {to, size, 0};
    const struct open_file *from = open_entry(table, file->dup_of);
    add(&line, open_has_path(from) ? "" : "# ");
    add_number(&line, (uint64_t)file->fd);
    add(&line, " : ");
    add_name(&line, open_path(table, from));
    add(&line, " : ");
    add_number(&line, from->offset);
    add(&line, " : ");
    if (from == file) {
        add_flags(&line, file);
    } else {
        add(&line, "dup-of=");
        add_number(&line, (uint64_t)file->dup_of);
    }
    add(&line, file->close_on_exec ? " cloexec" : "");
    add(&line, file->pre_opened ? " pre-opened" : "");
    if (from->kind == OPEN_LOST) {
        add(&line, " (cannot come back: ");
        add(&line, lost_reason(table, from));
        add(&line, ")");
    } else if (from->deleted) {
        add(&line, " (deleted; only the image has its content)");
    }
    add(&line, "\n");
    return line.length + 1 < size ? line.length : 0;
}

static long write_lines(int fd, const struct open_file_table *table, char *buffer, size_t size)
{
    long error = 0;
    for (const struct open_file *file = table->files; file < table->files + table->count && error == 0; file++) {
        size_t length = fdtext_line(buffer, size, table, file);
        for (size_t done = 0; done < length && error == 0;) {
            long n = sys_write(fd, buffer + done, length - done);
            done += n > 0 ? (size_t)n : 0;
            error = n > 0 || n == -EINTR ? 0 : n == 0 ? -EIO : n;
        }
    }
    return error;
}

long fdtext_write(const struct open_file_table *table, const char *path, char *buffer, size_t size)
{
    char temporary[PATH_MAX];
    text_join(temporary, sizeof temporary, path, ".tmp", NULL);
    long fd = sys_open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    long error = fd < 0 ? fd : write_lines((int)fd, table, buffer, size);
    if (fd >= 0 && sys_close((int)fd) != 0 && error == 0)
        error = -EIO;
    if (error == 0)
        error = sys_rename(temporary, path);
    if (error != 0) {
        sys_unlink(temporary);
        say("libckpt: the Open File Table cannot be written to ", path, NULL);
    }
    return error;
}
