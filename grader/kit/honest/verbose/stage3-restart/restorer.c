//@ top
#include "my_helpers.h"
//@ end
//@ replace
/*
 * Unmaps all of the address space but the block:
 *
 *     0        block                               ARCH_USER_END
 *     |--------[#####]---------------------------------|
 *      unmapped       unmapped: restart's program, its libc, its heap, its stack
 */
//@ with
/* Unmaps everything between two addresses, in steps that are not too large. */
static long my_unmap_between(uint64_t first_address, uint64_t last_address)
{
    const uint64_t size_of_a_step = 64UL << 30;
    uint64_t address = first_address;
    while (address < last_address) {
        uint64_t size = my_smaller_size(size_of_a_step, last_address - address);
        long error = sys_munmap(address, size);
        if (error != 0) {
            return error;
        }
        address = address + size;
    }
    return 0;
}

/*
 * Unmaps all of the address space but the block:
 *
 *     0        block                               ARCH_USER_END
 *     |--------[#####]---------------------------------|
 *      unmapped       unmapped: restart's program, its libc, its heap, its stack
 */
//@ end
//@ step 3.2
    uint64_t first_address_of_block = r->start;
    uint64_t first_address_behind_block = r->start + r->size;
    long error;
    error = my_unmap_between(0, first_address_of_block);
    if (error != 0) {
        return error;
    }
    error = my_unmap_between(first_address_behind_block, ARCH_USER_END);
    if (error != 0) {
        return error;
    }
    return 0;
//@ end
//@ step 3.5
    const ucontext_t *context_of_program = (const ucontext_t *)r->ucontext;
    int (*setcontext_of_program)(const ucontext_t *context);
    if (r->ucontext == 0 || r->setcontext == 0) {
        return -EINVAL;
    }
    if (r->second_life != 0) {
        struct second_life *note_for_the_program = (struct second_life *)r->second_life;
        note_for_the_program->restorer_start = r->start;
        note_for_the_program->restorer_size = r->size;
    }
    setcontext_of_program = (int (*)(const ucontext_t *))r->setcontext;
    setcontext_of_program(context_of_program);
    return -EIO; /* it never comes back */
//@ end
