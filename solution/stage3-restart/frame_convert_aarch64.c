/*
 * frame_convert_aarch64.c - a signal frame of one processor becomes that of another: arch_platform.h has the
 * picture.
 *
 * What is in use must be here too, with the same vector length.  A record that is there and says nothing (SVE
 * without registers) is given this processor's length, or a magic number that the kernel passes over.  Given.
 */
#include "arch_platform.h"
#include "arch_core.h"
#include "image_read.h"
#include "own_frame.h"

#define PASSED_OVER ESR_MAGIC

struct record {
    uint32_t magic, size;
    union {
        uint16_t length; /* of SVE and ZA: bytes of a vector */
        uint64_t word;
    };
};

static struct arch_frame_format format;

static void own_frame_look(const ucontext_t *context)
{
    memcpy(format.records, (const char *)context + ARCH_RECORDS, sizeof format.records);
}

const struct arch_frame_format *arch_frame_format(void)
{
    own_frame_take();
    return &format;
}

static const char *record_name(uint32_t magic)
{
    static const struct { uint32_t magic; const char *name; } names[] = {
        {0x53564501, "SVE"}, {0x54366345, "SME (ZA)"}, {0x54504902, "SME (TPIDR2)"}, {0x5a544e01, "SME (ZT0)"},
        {0x46504d52, "FPMR"}, {0x504f4530, "POE"}, {0x47435300, "GCS"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].magic == magic)
            return names[i].name;
    return "unknown";
}

/* The next record of `records` behind *at; false: there are no more. */
static bool next_record(const char *records, uint32_t *at, struct record *to)
{
    if (*at + sizeof *to > ARCH_FRAME_ROOM)
        return false;
    memcpy(to, records + *at, sizeof *to);
    if (to->magic == 0)
        return false;
    if (to->size < 16 || to->size > ARCH_FRAME_ROOM - *at)
        errx(EX_DATAERR, "the image is broken: its signal frame has an impossible record");
    *at += to->size;
    return true;
}

static bool find_own(uint32_t magic, struct record *to)
{
    uint32_t at = 0;
    while (next_record(format.records, &at, to))
        if (to->magic == magic)
            return true;
    return false;
}

/* Has it only its head, or the value 0? */
static bool says_nothing(const struct record *record)
{
    bool has_length = record->magic == 0x53564501 || record->magic == 0x54366345;
    return record->size == 16 && (has_length || record->word == 0);
}

/* Makes one record fit.  True: it was changed. */
static bool convert(struct record *record, const struct arch_vectors *then, const struct arch_vectors *here)
{
    struct record own;
    if (record->magic == FPSIMD_MAGIC || record->magic == ESR_MAGIC)
        return false;
    if (record->magic == EXTRA_MAGIC && memcmp(then, here, sizeof *then) != 0)
        errx(EX_DATAERR, "SVE or SME registers are in use, this processor's vectors have another length");
    if (record->magic == EXTRA_MAGIC)
        return false;
    bool here_too = find_own(record->magic, &own);
    if (!here_too && !says_nothing(record))
        errx(EX_DATAERR, "%s registers are in use, this processor has none", record_name(record->magic));
    if (!here_too) {
        record->magic = PASSED_OVER;
        return true;
    }
    bool has_length = record->magic == 0x53564501 || record->magic == 0x54366345;
    if (!has_length || own.length == record->length)
        return false;
    if (record->size > 16)
        errx(EX_DATAERR, "%s registers are in use, with vectors of %u bytes; here they have %u",
             record_name(record->magic), record->length, own.length);
    record->length = own.length;
    return true;
}

static bool peek(const struct image *image, uint64_t address, void *to, size_t size)
{
    const struct image_region *r = image_region_at(image, address);
    if (r == NULL || !(r->flags & REGION_STORED) || size > r->end - address || !(r->prot & PROT_WRITE))
        return false;
    uint64_t offset = image->loads[r - image->regions].p_offset + (address - r->start);
    if (r->flags & REGION_HERE)
        return memcpy(to, (const void *)address, size) != NULL; // NOLINT: an address becomes a pointer here
    return pread(image->fd, to, size, (off_t)offset) == (ssize_t)size;
}

void arch_frame_convert(struct arch_frame_change *change, const struct image *image, uint64_t context,
                        const struct arch_vectors *then, uint64_t room)
{
    struct arch_vectors here;
    struct record record;
    bool changed = false;
    uint32_t at = 0, next = 0;
    if (then == NULL)
        return; /* an older image: so be it */
    arch_vectors_read(&here);
    arch_frame_format();
    if (!peek(image, context + ARCH_RECORDS, change->bytes, sizeof change->bytes) ||
        memcmp(change->bytes, &(uint64_t){ARCH_FRAME_MARK}, sizeof(uint64_t)) != 0)
        errx(EX_DATAERR, "the image is broken: its signal frame is not where it says, or not whole");
    for (; next_record(change->bytes, &next, &record); at = next)
        if (convert(&record, then, &here)) {
            memcpy(change->bytes + at, &record, sizeof record);
            changed = true;
        }
    change->at = context + ARCH_RECORDS;
    change->size = changed ? sizeof change->bytes : 0;
}
