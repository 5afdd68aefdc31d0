/* cause: parser */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Names that a page, a shell, a table or a terminal may take for something else; the failure keeps them. */
__attribute__((constructor)) static void attack(void)
{
    static const char *const names[] = { "<script>alert(1)<\\script>", "=cmd|' !A1", "-rf", "a\nb", "\033[2J\033]0;x\007",
                                         "\xff\xfe\x80", "$(touch planted)", "a'b\"c`d", "\xe2\x80\xae.txt", "%s%n" };
    char name[256];

    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (unsigned i = 0; i <= sizeof names / sizeof *names; i++) {
        const char *which = i < sizeof names / sizeof *names ? names[i] : name;
        int fd = open(which, O_CREAT | O_WRONLY, 0600);
        if (fd >= 0 && write(fd, which, strlen(which)) >= 0)
            close(fd);
        printf("%s\n", which);
    }
    fflush(stdout);
    _exit(0);
}
