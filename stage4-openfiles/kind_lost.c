/*
 * kind_lost.c - what cannot come back.  Its number stays taken, by a descriptor that nothing can be done with
 * (O_PATH, open(2): read and write say EBADF).  Else the next open() of the program would get the
 * number, and what was meant for a socket would go into that file.
 */
#include "open_kind.h"

/* Where /proc/self/fd/N of some things leads, and what they are. */
struct reason {
    char prefix[32];
    char words[72];
};

static const struct reason reasons[] = {
    {"/dev/ptmx", "the master side of a pseudoterminal: its programs lost their terminal"},
    {"/dev/pts/ptmx", "the master side of a pseudoterminal: its programs lost their terminal"},
    {"/memfd:", "memory in huge pages"},
    {"anon_inode:[pidfd]", "a pidfd: the process that it stands for is none of this life"},
    {"pidfd:", "a pidfd: the process that it stands for is none of this life"},
    {"anon_inode:[io_uring]", "an io_uring: work for the kernel may be under way"},
    {"anon_inode:[userfaultfd]", "a userfaultfd: the memory that it watched is mapped anew"},
    {"anon_inode:[perf_event]", "a performance counter (perf_event_open(2))"},
    {"anon_inode:bpf", "an object of BPF, which lives in the kernel"},
    {"anon_inode:btf", "an object of BPF, which lives in the kernel"},
    {"anon_inode:[fanotify]", "a fanotify: it needs privileges"},
    {"anon_inode:[landlock-ruleset]", "a set of rules for landlock(7), which lives in the kernel"},
    {"anon_inode:seccomp notify", "a listener of seccomp: the processes that it stops know of no restart"},
    {"anon_inode:[fscontext]", "a mount under way (fsopen(2))"},
    {"anon_inode:kvm", "a virtual machine (KVM), which lives in the kernel"},
    {"anon_inode:[vfio", "a device in the program's hands (VFIO)"},
    {"anon_inode:sync_file", "a fence of a graphics device"},
    {"anon_inode:", "an object of the kernel that ckptlab does not know"},
    {"net:", "a namespace"}, {"mnt:", "a namespace"}, {"pid:", "a namespace"}, {"user:", "a namespace"},
    {"uts:", "a namespace"}, {"ipc:", "a namespace"}, {"time:", "a namespace"}, {"cgroup:", "a namespace"},
    {"", ""},
};

const char *lost_reason(const struct open_file_table *table, const struct open_file *file)
{
    const char *path = open_path(table, file);
    if (file->mode == 0) /* from a text (files_text.c) */
        return "only an image has what was in it, and this is none";
    for (const struct reason *reason = reasons; reason->prefix[0] != '\0'; reason++)
        if (text_starts(path, reason->prefix))
            return reason->words;
    if (pseudo_words(file->rdev) != NULL && (S_ISREG(file->mode) || S_ISDIR(file->mode)))
        return pseudo_words(file->rdev);
    if (S_ISSOCK(file->mode))
        return "a socket: the other side of a connection knows of no restart";
    if (S_ISFIFO(file->mode))
        return "a pipe to another process, which knows of no restart";
    if (S_ISCHR(file->mode) || S_ISBLK(file->mode))
        return "a device: what it does is not in the program's memory";
    return "no kind of file that a checkpoint can save";
}

static bool is_lost(const struct fd_view *view)
{
    return true;
}

long open_placeholder(void)
{
    return sys_open("/", O_PATH | O_CLOEXEC, 0);
}

static long open_lost(const struct open_file_table *table, const struct open_file *file)
{
    return open_placeholder();
}

const struct open_kind kind_lost = {"lost", is_lost, NULL, open_lost, NULL};
