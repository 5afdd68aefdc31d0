/* landlord.c: the owner of a machine. When FILE is there, the job's keeper gets SIGNAL.
 *
 *     landlord SIGNAL FILE COMMAND ARG...    runs COMMAND, which leads to `restart-static`, and ends as it does
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEPER "restart-static"

/* The parent of a process; its name goes to `name`. 0: it is gone. */
static pid_t parent_of(pid_t pid, char name[64])
{
    char path[64];
    int parent = 0;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL || fscanf(file, "%*d (%63[^)]) %*c %d", name, &parent) != 2)
        parent = 0;
    if (file != NULL)
        fclose(file);
    return parent;
}

static pid_t child_of(pid_t parent)
{
    DIR *folder = opendir("/proc");
    pid_t found = 0;
    char name[64];

    for (struct dirent *entry; folder != NULL && found == 0 && (entry = readdir(folder)) != NULL;) {
        pid_t pid = (pid_t)atoi(entry->d_name);
        if (pid > 0 && parent_of(pid, name) == parent)
            found = pid;
    }
    if (folder != NULL)
        closedir(folder);
    return found;
}

/* The one that COMMAND leads to; the job is its child, and has another name. */
static pid_t keeper_below(pid_t pid)
{
    char name[64] = "";

    while (pid > 0 && parent_of(pid, name) > 0 && strcmp(name, KEEPER) != 0)
        pid = child_of(pid);
    return pid;
}

int main(int argc, char **argv)
{
    int status, done = 0;

    if (argc < 4)
        return 64;
    pid_t child = fork();
    if (child == 0) {
        execvp(argv[3], argv + 3);
        _exit(127);
    }
    close(0); /* the connection is COMMAND's alone: its end must be seen */
    close(1);
    while (waitpid(child, &status, WNOHANG) == 0) {
        pid_t keeper = !done && access(argv[2], F_OK) == 0 ? keeper_below(child) : 0;
        if (keeper > 0)
            done = kill(keeper, atoi(argv[1])) == 0;
        usleep(5000);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
