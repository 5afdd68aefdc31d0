/* changes.c - see changes.h. */
#include "changes.h"

void changes_add(struct changes *changes, uint64_t start, uint64_t end, uint64_t when)
{
    struct change *last = changes->list + changes->count - 1;
    if (changes->count > 0 && last->end == start && last->when == when) {
        last->end = end;
    } else if (changes->count < CHANGES_MOST) {
        last[1] = (struct change){start, end, when};
        changes->count++;
    } else { /* it is full */
        last->end = end;
        last->when = last->when > when ? last->when : when;
    }
}

void changes_merge(struct changes *to, const struct changes *before, const struct changes *found, uint64_t oldest)
{
    const struct change *old = before->list, *old_end = old + before->count;
    const struct change *fresh = found->list, *fresh_end = fresh + found->count;
    uint64_t at = 0; /* all below it is done */
    to->count = 0;
    for (;;) {
        while (old < old_end && old->end <= at)
            old++;
        if (old == old_end && fresh == fresh_end)
            return;
        uint64_t from = old == old_end ? ~0UL : old->start > at ? old->start : at;
        if (fresh < fresh_end && fresh->start <= from) {
            changes_add(to, fresh->start, fresh->end, fresh->when);
            at = fresh->end > at ? fresh->end : at;
            fresh++;
            continue;
        }
        at = fresh < fresh_end && fresh->start < old->end ? fresh->start : old->end;
        if (old->when > oldest)
            changes_add(to, from, at, old->when);
    }
}
