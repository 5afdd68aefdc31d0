/*
 * pseudo_files.c - files that lie on no disk: the kernel makes up what is in them.
 *
 * One that has a path is opened again by it: what it shows is the kernel's of today.  One that has none cannot be:
 * the process of a /proc/PID is gone, or it is a message queue, whose name is in no directory.  Its content could
 * not be put into another file.  kind_file.c keeps the type, in rdev, which is free.
 */
#include "open_kind.h"

#include <sys/vfs.h>

struct pseudo {
    uint32_t type; /* <linux/magic.h>; where that is not in all of them, as in the kernel's sources */
    char words[76];
};

static const struct pseudo file_systems[] = {
    {0x9fa0, "a file of /proc, of a process that is gone"},
    {0x62656572, "a file of /sys that is gone"}, /* and configfs */
    {0x19800202, "a POSIX message queue (mq_open(3)) cannot be saved: it is in the kernel"},
    {0x5345434d, "secret memory (memfd_secret(2)), which must be in no image"},
    {0x444d4142, "a buffer of a graphics device (dma-buf)"},
    {0x6e736673, "a namespace"},
    {0x50494446, "a pidfd: the process that it stands for is none of this life"},
    {0x27e0eb, "a file of a control group that is gone"},
    {0x63677270, "a file of a control group that is gone"},
    {0xcafe4a11, "an object of BPF, which lives in the kernel"},
    {0x64626720, "a file of debugfs that is gone"},
    {0x74726163, "a file of tracefs that is gone"},
    {0x65735543, "a file of a FUSE connection that is gone"},
    {0x73636673, "a file of securityfs that is gone"},
    {0x7655821, "a file of resctrl that is gone"},
    {0x6165676c, "a file of pstore that is gone"},
    {0xde5e81e4, "a variable of the firmware (efivarfs) that is gone"},
    {0x42494e4d, "a file of binfmt_misc that is gone"},
    {0x09041934, "an object of the kernel that ckptlab does not know"},
    {0, ""},
};

const char *pseudo_words(uint64_t type)
{
    for (const struct pseudo *known = file_systems; known->type != 0; known++)
        if (known->type == type)
            return known->words;
    return NULL;
}

uint64_t pseudo_type(int fd)
{
    struct statfs where;
    if (sys_call(SYS_fstatfs, fd, (long)&where, 0, 0) != 0)
        return 0;
    uint64_t type = (uint32_t)where.f_type;
    return pseudo_words(type) != NULL ? type : 0;
}
