/*
 * fdtext.h - the Open File Table as text, one line for each descriptor, to be edited by hand:
 *
 *     fd : filename : offset : flags
 *     3 : /home/you/numbers : 1200 : write append cloexec
 *     4 : /home/you/numbers : 1200 : dup-of=3
 *
 * The flags may be absent (then a file is opened for reading and writing, or as far as it may be).  A line that
 * begins with `# fd : ` says of a descriptor without a path what it is: it comes from the image.  A core file has
 * nothing of it, so there it is lost, and its number stays taken.  For a job whose files are on another machine
 * readckpt writes `# fd : filename : home : as FD`, the number there, where the offset is, too.  Other lines that
 * begin with # are comments.  In names, a newline is \012 and a backslash \134.
 */
#ifndef CKPT_FDTEXT_H
#define CKPT_FDTEXT_H

#include "open_kind.h"

#define FDTEXT_DEFAULT "filedescriptors"

/* The line of one descriptor with its newline and '\0'.  Returns its length, 0: it does not fit.  No libc. */
size_t fdtext_line(char *to, size_t size, const struct open_file_table *table, const struct open_file *file);

/*
 * Writes the text to `path`: under another name first, then rename(2).  `buffer` (size bytes) holds a line.
 * 0, or -errno after a message.  Async-signal-safe.
 */
long fdtext_write(const struct open_file_table *table, const char *path, char *buffer, size_t size);

/* The words of the fourth field and their O_ bits; the last has no word.  Access modes are no bits: open(2). */
struct flag_word {
    char word[12];
    uint32_t flag;
};
extern const struct flag_word flag_words[], access_words[];

#endif
