/* page_size.h - were these programs built for this kernel's pages (arch.mk)?  Uses libc. */
#ifndef CKPT_PAGE_SIZE_H
#define CKPT_PAGE_SIZE_H

#include "arch.h"

#include <stddef.h>
#include <sys/auxv.h>

/* NULL, or what is true of every program here. */
static inline const char *page_size_problem(void)
{
    if (getauxval(AT_PAGESZ) == ARCH_PAGE_SIZE)
        return NULL;
    return "would not come back: this kernel's pages have another size (getconf PAGESIZE) than those that the lab "
           "was built for; make it anew";
}

#endif
