/* serve_copy.c - copy_file_range(2) between two files at home.  While it works the shadow hears nothing else. */
#include "stub_shadow.h"

#define MOST (16UL << 20) /* bytes at once; the job asks again for the rest */

long serve_copy_file_range(struct request *r)
{
    size_t count = (size_t)r->arguments[4];
    int in = take_fd(r, 0);
    off_t *in_at = take_inout(r, 1, sizeof(off_t));
    int out = take_fd(r, 2);
    off_t *out_at = take_inout(r, 3, sizeof(off_t));
    if (r->error != 0)
        return r->error;
    if (count > MOST)
        count = MOST;
    return request_result(syscall(SYS_copy_file_range, in, in_at, out, out_at, count, r->arguments[5]));
}
