/* file_locks.c - locks on open files, as /proc/PID/fdinfo/N shows them (proc_locks(5)). */
#include "open_kind.h"

long file_locks_save(struct files_save *save, struct open_file *file)
{
    return 0;
}

void file_locks_finish(const struct open_file_table *table, const struct open_file *file)
{
}
