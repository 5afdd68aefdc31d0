/* program.c - looks at a program file, as the kernel and ld.so will (execve(2), ld.so(8)).  Given. */
#include "program.h"
#include "arch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static bool is_executable_file(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return false;
    if (!S_ISREG(st.st_mode)) {
        errno = EACCES;
        return false;
    }
    return access(path, X_OK) == 0;
}

bool program_find(const char *name, char path[PATH_MAX])
{
    if (strchr(name, '/') != NULL)
        return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX && is_executable_file(path);
    const char *dirs = getenv("PATH");
    for (const char *dir = dirs != NULL ? dirs : "/bin:/usr/bin"; *name != '\0' && dir != NULL;) {
        size_t length = strcspn(dir, ":");
        int written = snprintf(path, PATH_MAX, "%.*s%s%s", (int)length, dir, length > 0 ? "/" : "", name);
        if (written < PATH_MAX && is_executable_file(path))
            return true;
        dir = dir[length] == ':' ? dir + length + 1 : NULL;
    }
    errno = ENOENT;
    return false;
}

/*
 * A program that gets more rights than its caller has ignores LD_PRELOAD (ld.so(8), "secure-execution
 * mode").  The rights come from the mode bits or from file capabilities (capabilities(7)).
 */
static bool is_privileged(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return false;
    if ((st.st_mode & S_ISUID) && st.st_uid != getuid())
        return true;
    if ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) && st.st_gid != getgid())
        return true;
    return getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0;
}

/* True if the ELF file asks for a dynamic linker. */
static bool has_interpreter(int fd, const Elf64_Ehdr *elf)
{
    for (unsigned i = 0; i < elf->e_phnum; i++) {
        Elf64_Phdr segment;
        off_t at = (off_t)(elf->e_phoff + i * sizeof segment);
        if (pread(fd, &segment, sizeof segment, at) != sizeof segment)
            return false;
        if (segment.p_type == PT_INTERP)
            return true;
    }
    return false;
}

static bool check_elf(int fd, const Elf64_Ehdr *elf, const char *path, char *why, size_t size)
{
    if (elf->e_ident[EI_CLASS] != ELFCLASS64 || elf->e_machine != ARCH_ELF_MACHINE)
        snprintf(why, size, "%s is a program for another machine (ELF machine %u)", path, elf->e_machine);
    else if (!has_interpreter(fd, elf))
        snprintf(why, size, "%s is statically linked: it has no dynamic linker, so libckpt.so cannot be loaded into it", path);
    else
        return true;
    return false;
}

/* "#! /bin/sh -e": the interpreter is what runs. */
static bool check_script(char *line, const char *path, char *why, size_t size, int depth)
{
    char *interpreter = line + 2 + strspn(line + 2, " \t");
    interpreter[strcspn(interpreter, " \t\n")] = '\0';
    if (depth == 0 || *interpreter == '\0') {
        snprintf(why, size, "%s has no usable interpreter in its first line", path);
        return false;
    }
    return program_check(interpreter, why, size);
}

bool program_check(const char *path, char *why, size_t size)
{
    static int depth = 5; /* the kernel follows as many interpreters of interpreters */
    char head[256] = "";
    if (is_privileged(path)) {
        snprintf(why, size, "%s runs with other rights than yours (set-user-id, set-group-id or capabilities), "
                 "so the dynamic linker ignores LD_PRELOAD", path);
        return false;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        snprintf(why, size, "%s: %s", path, strerror(errno));
        return false;
    }
    ssize_t got = read(fd, head, sizeof head - 1);
    bool fine = false;
    if (got >= (ssize_t)sizeof(Elf64_Ehdr) && memcmp(head, ELFMAG, SELFMAG) == 0) {
        Elf64_Ehdr elf;
        memcpy(&elf, head, sizeof elf);
        fine = check_elf(fd, &elf, path, why, size);
    } else if (got > 2 && memcmp(head, "#!", 2) == 0) {
        fine = check_script(head, path, why, size, depth--);
    } else {
        snprintf(why, size, "%s is neither an ELF program nor a script that begins with #!", path);
    }
    close(fd);
    return fine;
}
