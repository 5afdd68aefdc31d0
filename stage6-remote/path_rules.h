/* path_rules.h - which paths are not home's, but of the machine that runs the job. */
#ifndef CKPT_PATH_RULES_H
#define CKPT_PATH_RULES_H

struct path_rule {
    const char *prefix; /* of an absolute path, whole names */
    const char *why;
};

/* The last has prefix NULL.  `ckpt-shadow --rules` prints them. */
extern const struct path_rule path_rules[];

#endif
