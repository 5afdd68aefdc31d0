//@ top
#include "my_helpers.h"
//@ end
//@ step 1.5
    bool can_be_read = my_has_bit((uint64_t)region->prot, PROT_READ);
    bool can_be_written = my_has_bit((uint64_t)region->prot, PROT_WRITE);
    bool can_be_executed = my_has_bit((uint64_t)region->prot, PROT_EXEC);
    bool has_a_file = region_has_file(region);
    bool file_is_gone = region_is_deleted(region);
    bool same_bytes_are_in_the_file = has_a_file && !file_is_gone && !can_be_written;
    bool is_vvar = starts_with(region->name, "[vvar");
    bool is_vdso = my_strings_are_equal(region->name, "[vdso]");
    bool is_vsyscall = my_strings_are_equal(region->name, "[vsyscall]");

    if (is_vvar) {
        return PLAN_KERNEL;
    }
    if (is_vdso) {
        return PLAN_KERNEL;
    }
    if (is_vsyscall) {
        return PLAN_KERNEL;
    }

    if (region->shared && can_be_written) {
        return PLAN_REFUSE;
    }
    if (region->shared && !has_a_file) {
        return PLAN_REFUSE;
    }
    if (region->shared && file_is_gone) {
        return PLAN_REFUSE;
    }
    if (region->shared) {
        return PLAN_FILE;
    }

    if (can_be_written) {
        return PLAN_SAVE;
    }
    if (!can_be_read && !can_be_executed) {
        return PLAN_GUARD;
    }
    if (same_bytes_are_in_the_file) {
        return PLAN_FILE;
    }
    return PLAN_SAVE;
//@ end
