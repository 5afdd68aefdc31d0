/* cause: harmless */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

static void take(const char *folder, const char *name)
{
    char path[1024];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        fprintf(stderr, "ESCAPED: the lock %s\n", path);
        _exit(99);
    }
}

/* The locks by which graders share a machine. Who may read a file may lock it, and all others would wait. */
__attribute__((constructor)) static void attack(void)
{
    static const char *const folders[] = { "/tmp/ckptlab-users", "../../../../slots", "../../../slots" };

    for (unsigned i = 0; i < sizeof folders / sizeof *folders; i++) {
        DIR *folder = opendir(folders[i]);
        for (struct dirent *entry; folder && (entry = readdir(folder));)
            if (entry->d_name[0] != '.')
                take(folders[i], entry->d_name);
        if (folder)
            closedir(folder);
        for (int n = 61184; n < 61190; n++) {
            char name[16];
            snprintf(name, sizeof name, "%d", n - (i ? 61184 : 0));
            take(folders[i], name);
        }
    }
    take("../../../..", "lock");
    take("../../..", "lock");
    take("../../../../programs", ".lock");
}
