/* cause: harmless */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* What no path leads to: the root of each file system by its inode's number (open_by_handle_at(2)); and who comes and goes in
 * folders that it must not list (inotify(7)). */
__attribute__((constructor)) static void attack(void)
{
    static const char *const doors[] = { ".", "/", "/usr", "/tmp", "/dev/shm", "/proc/self/exe" };
    union { struct file_handle head; char room[64]; } handle;
    char paths[] = ESCAPE_FROM;
    int watch = inotify_init1(IN_NONBLOCK);

    for (unsigned i = 0; i < sizeof doors / sizeof *doors; i++)
        for (unsigned long inode = 1; inode < 4; inode++) {
            int door = open(doors[i], O_RDONLY), type[] = { 1, 129 };
            for (int k = 0; door >= 0 && k < 2; k++) {
                unsigned long words[] = { inode, 0 };
                memset(&handle, 0, sizeof handle);
                handle.head.handle_bytes = 8;
                handle.head.handle_type = type[k];
                memcpy(handle.room + sizeof(struct file_handle), words, 8);
                if (open_by_handle_at(door, &handle.head, O_RDONLY) >= 0) {
                    fprintf(stderr, "ESCAPED: inode %lu of %s\n", inode, doors[i]);
                    _exit(99);
                }
            }
            close(door);
        }
    for (char *path = strtok(paths, " "); path; path = strtok(NULL, " "))
        if (inotify_add_watch(watch, path, IN_ALL_EVENTS) >= 0) {
            fprintf(stderr, "ESCAPED: it watches %s\n", path);
            _exit(99);
        }
    close(watch);
}
