/* path_rules.h - the files that stay on the machine that runs the job, whatever home has under their names. */
#ifndef CKPT_PATH_RULES_H
#define CKPT_PATH_RULES_H

/* The file, or all in the folder, of this name; and why.  Ends with a prefix of NULL. */
extern const struct path_rule {
    const char *prefix;
    const char *why;
} path_rules[];

#endif
