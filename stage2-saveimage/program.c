/* program.c - looks at a program file, as the kernel and ld.so will (execve(2), ld.so(8)).  Given. */
#include "program.h"
#include "arch.h"
#include "libc.h"

#include <sys/xattr.h>

bool program_find(const char *name, char path[PATH_MAX])
{
    const char *directories = strchr(name, '/') != NULL ? "" : getenv("PATH");
    char *list = strdup(directories != NULL ? directories : "/bin:/usr/bin"), *rest = list, *directory;
    struct stat st;
    bool found = false;
    while (!found && (directory = strsep(&rest, ":")) != NULL) { /* an empty one is where we are */
        int length = snprintf(path, PATH_MAX, "%s%s%s", directory, *directory != '\0' ? "/" : "", name);
        found = length < PATH_MAX && stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
    }
    free(list);
    return found;
}

/*
 * A program that gets more rights than its caller has ignores LD_PRELOAD (ld.so(8), "secure-execution
 * mode").  The rights come from the mode bits or from file capabilities (capabilities(7)).
 */
static bool is_privileged(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 &&
           (((st.st_mode & S_ISUID) && st.st_uid != getuid()) ||
            ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) && st.st_gid != getgid()) ||
            (getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0));
}

/* True if the ELF file asks for a dynamic linker. */
static bool has_interpreter(int fd, const Elf64_Ehdr *elf)
{
    Elf64_Phdr segment;
    for (unsigned i = 0; i < elf->e_phnum; i++)
        if (pread(fd, &segment, sizeof segment, (off_t)(elf->e_phoff + i * sizeof segment)) == sizeof segment &&
            segment.p_type == PT_INTERP)
            return true;
    return false;
}

/* What is wrong with the ELF program that begins with `head`, or NULL. */
static const char *elf_problem(int fd, const char *head)
{
    Elf64_Ehdr elf;
    memcpy(&elf, head, sizeof elf);
    if (memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0)
        return "is neither an ELF program nor a script that begins with #!";
    if (elf.e_ident[EI_CLASS] != ELFCLASS64 || elf.e_machine != ARCH_ELF_MACHINE)
        return "is a program for another machine";
    if (!has_interpreter(fd, &elf))
        return "is statically linked: it has no dynamic linker, so libckpt.so cannot be loaded into it";
    return program_linking != NULL ? program_linking(fd, &elf) : NULL;
}

const char *program_problem(char path[PATH_MAX])
{
    for (int depth = 0; depth < 5; depth++) { /* as deep as execve(2) goes */
        char head[256] = "";
        const char *problem = NULL;
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (is_privileged(path))
            problem = "runs with other rights than yours (set-user-ID, set-group-ID or capabilities), so the "
                      "dynamic linker ignores LD_PRELOAD";
        else if (fd < 0 || read(fd, head, sizeof head - 1) < 0)
            problem = strerrordesc_np(errno);
        else if (strncmp(head, "#!", 2) != 0)
            problem = elf_problem(fd, head);
        close(fd);
        if (problem != NULL || strncmp(head, "#!", 2) != 0)
            return problem;
        char *interpreter = head + 2 + strspn(head + 2, " \t"); /* "#! /bin/sh -e": the interpreter is what runs */
        interpreter[strcspn(interpreter, " \t\n")] = '\0';
        strcpy(path, interpreter);
    }
    return "is a script, and so is its interpreter, and so on";
}
