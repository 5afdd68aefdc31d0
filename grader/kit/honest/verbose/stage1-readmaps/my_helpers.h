/*
 * my_helpers.h - my own small functions, which I use in all stages.
 * They call nothing, so they also work in the signal handler and in the restorer.
 */
#ifndef MY_HELPERS_H
#define MY_HELPERS_H

#include "arch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Moves all bytes from `first` up to `last` (not included) to the place that is one byte lower. */
static inline void my_shift_left_by_one_byte(char *buffer, size_t first, size_t last)
{
    size_t position;
    for (position = first; position < last; position = position + 1) {
        buffer[position - 1] = buffer[position];
    }
}

/* Returns the smaller one of two sizes. */
static inline uint64_t my_smaller_size(uint64_t first_size, uint64_t second_size)
{
    if (first_size < second_size) {
        return first_size;
    }
    return second_size;
}

/* Returns how many bytes are left until the next page begins. It is never 0. */
static inline uint64_t my_bytes_to_end_of_page(uint64_t address)
{
    uint64_t position_in_page = address % ARCH_PAGE_SIZE;
    return ARCH_PAGE_SIZE - position_in_page;
}

/* Returns true if both strings have the same characters. */
static inline bool my_strings_are_equal(const char *first_string, const char *second_string)
{
    size_t position = 0;
    while (first_string[position] != '\0' && first_string[position] == second_string[position]) {
        position = position + 1;
    }
    return first_string[position] == second_string[position];
}

/* Returns true if some but not necessarily all of the bits of `mask` are set in `value`. */
static inline bool my_has_bit(uint64_t value, uint64_t mask)
{
    return (value & mask) != 0;
}

#endif
