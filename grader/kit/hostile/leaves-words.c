/* cause: harmless */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __has_include
#if __has_include(<mqueue.h>)
#include <mqueue.h>
#endif
#endif

/* Words for who comes after it, where no folder is: in the keyring of its user, and in a message queue. */
enum { USER_KEYRING = -4, SEARCH = 10, READ = 11 };

static void found(const char *word, long size)
{
    char here[400];

    if (size > 0 && size < 400 && getcwd(here, sizeof here) && strncmp(here, word, (size_t)size)) {
        fprintf(stderr, "ESCAPED: a word of %.*s\n", (int)size, word);
        _exit(99);
    }
}

__attribute__((constructor)) static void attack(void)
{
    char word[8192], here[400];
    long key = syscall(SYS_keyctl, SEARCH, USER_KEYRING, "user", "ckptlab-word", 0);
    struct mq_attr size = { .mq_maxmsg = 1, .mq_msgsize = sizeof here };
    mqd_t queue = mq_open("/ckptlab-word", O_RDWR | O_CREAT | O_NONBLOCK, 0600, &size);

    if (key > 0)
        found(word, syscall(SYS_keyctl, READ, key, word, sizeof here));
    if (queue >= 0)
        found(word, mq_receive(queue, word, sizeof word, NULL));
    if (getcwd(here, sizeof here) == NULL)
        return;
    syscall(SYS_add_key, "user", "ckptlab-word", here, strlen(here), USER_KEYRING);
    if (queue >= 0)
        mq_send(queue, here, strlen(here), 0);
    if (queue >= 0)
        mq_close(queue);
}
