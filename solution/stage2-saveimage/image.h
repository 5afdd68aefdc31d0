/*
 * image.h - the format of a checkpoint image: the one home of its facts.
 *
 * An image is an ordinary ELF core file (elf(5); the System V gABI, chapters 4 and 5; core(5)), so gdb,
 * readelf and every other reader of core files opens it:
 *
 *     offset 0 +-----------------------------+
 *              | Elf64_Ehdr      e_type ET_CORE
 *              | Elf64_Phdr      PT_NOTE     |  p_align 4
 *              | Elf64_Phdr      PT_LOAD     |  one for each region, in the order of addresses
 *              |   ...                       |
 *              +-----------------------------+
 *              | notes named CORE            |  NT_PRSTATUS first: the registers; then NT_PRPSINFO,
 *              |                             |  NT_AUXV, NT_FILE.  Each is padded to 4 bytes
 *              | notes named CKPT            |  ours: what a core file has no place for
 *     page     +-----------------------------+
 *     aligned  | bytes of the first region   |  p_filesz is p_memsz, or 0 if nothing is stored.
 *              | bytes of the second ...     |  Untouched pages are holes in the file
 *              +-----------------------------+
 *
 * A region with a hole of 1 GiB or more, of memory without a file, is several in the image, side by side: a file
 * has a largest size, which is less than what a program may reserve (region_cut.c).
 *
 * All numbers are in the machine's own byte order; addresses, sizes and offsets are in bytes.
 * A reader must refuse a version that it does not know, and skip note types that it does not know.
 */
#ifndef CKPT_IMAGE_H
#define CKPT_IMAGE_H

#include <stdint.h>
#include <ucontext.h>

#define IMAGE_VERSION 1
#define IMAGE_NOTE_NAME "CKPT"
#define IMAGE_CORE_NAME "CORE"
#define IMAGE_LINUX_NAME "LINUX" /* of a note that some machines have: the TLS base */
#define BUILD_ID_SIZE 20 /* bytes: a SHA-1, ld(1) --build-id */
/* A process has at most vm.max_map_count regions, 65530 unless changed; restart needs a few more on the way. */
#define IMAGE_MAX_REGIONS 65500

/*
 * The types of CKPT notes.  They start high because core readers take a note of unknown name for a
 * CORE note of that number: a CKPT note of type 1 (NT_PRSTATUS) made a phantom thread in gdb.
 */
enum image_note_type {
    NOTE_HEADER = 0x434b0000,  /* struct image_header, the first CKPT note */
    NOTE_REGIONS = 0x434b0001, /* struct image_region [], then the names */
    NOTE_CONTEXT = 0x434b0002, /* struct image_context */
    NOTE_THREAD = 0x434b0003,  /* from here on: each of a kind of state, a room of its own (part.h) */
    NOTE_MM = 0x434b0004,
    NOTE_PROCESS = 0x434b0005,
    NOTE_SIGNALS = 0x434b0006,
    NOTE_TIMERS = 0x434b0007,
    NOTE_LOST = 0x434b0008,
    NOTE_VDSO = 0x434b0023,
    NOTE_FILES = 0x434b0009,
    NOTE_SHARED = 0x434b000a,
    NOTE_ATTRIBUTES = 0x434b000b,
    NOTE_POSIX_TIMERS = 0x434b000c,
    NOTE_CHILDREN = 0x434b000d,
    NOTE_MEMORY = 0x434b000e,
    NOTE_MUTEXES = 0x434b000f,
    NOTE_SURROUNDINGS = 0x434b0018,
    NOTE_SETTINGS = 0x434b0019,
    NOTE_NUMA = 0x434b0020,
    NOTE_LIBRARY = 0x434b0022,
    NOTE_PLATFORM = 0x434b0030,
    NOTE_REMOTE = 0x434b0021, /* only in images of jobs whose files are on another machine */
    NOTE_FRAME = 0x434b0010,  /* in no image; restart makes it from a core */
};

struct image_header {
    uint32_t version;      /* IMAGE_VERSION */
    uint32_t page_size;    /* bytes */
    uint32_t region_count; /* entries in NOTE_REGIONS, and number of PT_LOADs */
    uint32_t pid;          /* of the process, when it was saved */
    uint64_t checksum;     /* image_checksum() of all bytes before the first region's; 0: not computed */
};

/* What a region is, besides its PROT_ bits. */
enum image_region_flag {
    REGION_SHARED = 1,     /* MAP_SHARED */
    REGION_GROWS_DOWN = 2, /* MAP_GROWSDOWN: the main stack */
    REGION_FILE = 4,       /* to be mapped from the file `name`, if that is unchanged */
    REGION_KERNEL = 8,     /* made by the kernel: moved or left alone, never written */
    REGION_STORED = 16,    /* all its bytes are in the image: p_filesz is p_memsz, else 0 */
    REGION_HUGE = 32,      /* MAP_HUGETLB.  This and the next are in no image: a restart that knows NOTE_MEMORY */
    REGION_DROPPABLE = 64, /* sets them, as it says.  MAP_DROPPABLE, in place of MAP_PRIVATE */
    REGION_LAZY = 128,     /* it was mapped from another image (restart --lazy): stored, and no file's any more */
    REGION_HERE = 256,     /* in no image: restart --remote has put its bytes where they shall be, as they came */
};
#define MAX_HERE 64 /* regions with REGION_HERE, at the most */
#define REGION_PAGE_SHIFT 26 /* with REGION_HUGE, the upper six bits are the logarithm of the size of its pages */

/* One region; the i-th belongs to the i-th PT_LOAD, which says where its bytes are in the image. */
struct image_region {
    uint64_t start, end;
    uint64_t offset;   /* bytes into the file that is mapped */
    uint32_t prot;     /* PROT_READ | PROT_WRITE | PROT_EXEC */
    uint32_t flags;    /* enum image_region_flag */
    uint64_t device;   /* st_dev, st_ino, st_size and st_mtim of the file, from stat(2) at the */
    uint64_t inode;    /* checkpoint: how restart knows that a file is unchanged */
    uint64_t file_size;
    int64_t mtime_seconds;
    int64_t mtime_nanoseconds;
    uint32_t name;                   /* bytes from the end of the array: a string that ends in '\0' */
    uint8_t build_id[BUILD_ID_SIZE]; /* zeros: the file has none */
};

/* Where the second life begins. */
struct image_context {
    uint64_t ucontext;    /* address of a ucontext_t in the program's memory, filled by getcontext(3) */
    uint64_t setcontext;  /* address of the program's own setcontext(3) */
    uint64_t second_life; /* address of a struct second_life in libckpt's memory, or 0 */
    ucontext_t copy;      /* of *ucontext.  Its uc_mcontext.fpregs points into the original */
};

/* What restart tells libckpt: it writes this into the restored memory before it jumps. */
struct second_life {
    uint64_t restorer_start; /* the pages that restart still occupies: to be unmapped first of all */
    uint64_t restorer_size;
};

/*
 * FNV-1a, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/): start with IMAGE_CHECKSUM_START and
 * feed all bytes from offset 0 to the end of the notes, with image_header.checksum taken as 0.
 */
#define IMAGE_CHECKSUM_START 0xcbf29ce484222325UL

static inline uint64_t image_checksum(uint64_t sum, const void *bytes, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++)
        sum = (sum ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3UL;
    return sum;
}

#endif
