/* files.c: an open file besides 0 to 2; stage 4 will bring it back. */
#include "program.h"

#include <fcntl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    START();
    int fd = open(argc > 1 ? argv[1] : "/dev/null", O_RDONLY);

    say("fd %d", fd);
    gate(1);
    return finish();
}
