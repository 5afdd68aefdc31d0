/* passes.h - memory comes back in three passes over all regions: map them, read them, protect them. */
#ifndef PASSES_H
#define PASSES_H

#include "restorer.h"

typedef long (*pass)(const struct restorer *r, const struct image_region *region, const Elf64_Phdr *load);

long pass_map(const struct restorer *r, const struct image_region *region, const Elf64_Phdr *load);
long pass_read(const struct restorer *r, const struct image_region *region, const Elf64_Phdr *load);
long pass_protect(const struct restorer *r, const struct image_region *region, const Elf64_Phdr *load);

#endif
