//@ top
#include "my_helpers.h"
//@ end
//@ step 1.1
    char one_byte = '\0';
    long number_of_bytes_read;

    /* First throw away the bytes that were parsed already. */
    while (r->begin > 0) {
        my_shift_left_by_one_byte(r->buf, r->begin, r->end);
        r->begin = r->begin - 1;
        r->end = r->end - 1;
    }

    /* Is there room for one more byte? */
    if (r->end >= r->size) {
        return -ENAMETOOLONG;
    }

    /* Then read one byte. With only one, a read can never be short. */
    number_of_bytes_read = sys_read(r->fd, &one_byte, 1);
    while (number_of_bytes_read == -EINTR) {
        number_of_bytes_read = sys_read(r->fd, &one_byte, 1);
    }
    if (number_of_bytes_read < 0) {
        return (int)number_of_bytes_read;
    }
    if (number_of_bytes_read == 0) {
        r->end_of_file = true;
        return 0;
    }
    r->buf[r->end] = one_byte;
    r->end = r->end + 1;
    return 0;
//@ end
//@ step 1.2
    const char *current = *at;
    size_t number_of_digits = 0;
    uint64_t result = 0;
    bool is_a_digit = digit_value(*current) < base;

    while (is_a_digit) {
        uint64_t new_digit = digit_value(*current);
        uint64_t largest_that_can_grow = UINT64_MAX / base;
        uint64_t shifted;
        if (result > largest_that_can_grow) {
            return false; /* it would not fit after the multiplication */
        }
        shifted = result * base;
        if (new_digit > UINT64_MAX - shifted) {
            return false; /* it would not fit after the addition */
        }
        result = shifted + new_digit;
        number_of_digits = number_of_digits + 1;
        current = current + 1;
        is_a_digit = digit_value(*current) < base;
    }

    if (number_of_digits == 0) {
        return false;
    }
    if (*current != follow) {
        return false;
    }
    *value = result;
    *at = current + 1;
    return true;
//@ end
//@ replace
/* Takes "rw-p " from *at. */
//@ with
/* Returns true if the letter is the one that means "allowed" or the '-' that means "not allowed". */
static bool my_is_valid_permission(char letter, char letter_for_allowed)
{
    if (letter == letter_for_allowed) {
        return true;
    }
    if (letter == '-') {
        return true;
    }
    return false;
}

/* Takes "rw-p " from *at. */
//@ end
//@ step 1.3
    const char *letters = *at;
    size_t position;
    for (position = 0; position < 5; position = position + 1) {
        if (letters[position] == '\0') {
            return false; /* the line ends too early */
        }
    }
    if (!my_is_valid_permission(letters[0], 'r')) {
        return false;
    }
    if (!my_is_valid_permission(letters[1], 'w')) {
        return false;
    }
    if (!my_is_valid_permission(letters[2], 'x')) {
        return false;
    }
    if (letters[3] != 'p' && letters[3] != 's') {
        return false;
    }
    if (letters[4] != ' ') {
        return false;
    }

    region->prot = 0;
    if (letters[0] == 'r') {
        region->prot = region->prot + PROT_READ;
    }
    if (letters[1] == 'w') {
        region->prot = region->prot + PROT_WRITE;
    }
    if (letters[2] == 'x') {
        region->prot = region->prot + PROT_EXEC;
    }
    if (letters[3] == 's') {
        region->shared = true;
    } else {
        region->shared = false;
    }
    *at = letters + 5;
    return true;
//@ end
//@ step 1.4
    size_t length = strlen(name);
    size_t position = 0;
    while (position + 4 <= length) {
        bool is_escaped_newline = name[position] == '\\' && name[position + 1] == '0' &&
                                  name[position + 2] == '1' && name[position + 3] == '2';
        if (is_escaped_newline) {
            int times;
            for (times = 0; times < 3; times = times + 1) {
                my_shift_left_by_one_byte(name, position + 1, length + 1); /* the '\0' moves, too */
                length = length - 1;
            }
            name[position] = '\n';
        }
        position = position + 1;
    }
//@ end
