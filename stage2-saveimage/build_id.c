/* build_id.c - finds a build id in the first page of an ELF file.  Given. */
#include "build_id.h"
#include "sys.h"

const uint8_t *build_id_find(const void *first_page)
{
    /* An ELF note: the sizes of name (4) and value (20), type NT_GNU_BUILD_ID (3), the name; then the id. */
    static const char mark[16] = "\4\0\0\0\24\0\0\0\3\0\0\0GNU";
    const uint8_t *page = first_page;
    for (size_t at = 0; at + sizeof mark + BUILD_ID_SIZE <= ARCH_PAGE_SIZE; at += 4)
        if (memcmp(page + at, mark, sizeof mark) == 0)
            return page + at + sizeof mark;
    return NULL;
}
