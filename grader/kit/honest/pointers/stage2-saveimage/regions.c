//@ replace
/*
 * Stored is everything but the kernel's data, memory without content, and files that are unchanged.
 * [vdso] is stored for gdb, and for restart to compare; restart moves its own.
 */
//@ with
/*
 * Stored is everything but the kernel's data and memory without content. The pages of files are stored even if
 * they are clean: so gdb has the code on a machine with other libraries. (CKPT_FULL is always on, so to speak.)
 * [vdso] is stored for gdb, and for restart to compare; restart moves its own.
 */
//@ end
//@ replace
    bool without_content = r->flags & REGION_FILE ? !full : r->prot == PROT_NONE && r->inode == 0;
    return !without_content || pages_have_own(pagemap, r);
//@ with
    return r->prot != PROT_NONE || r->inode != 0 || pages_have_own(pagemap, r);
//@ end
//@ step 2.4
        const struct region *p = &region;
        if (p->start == arena->start)
            continue;
        if (p->start >= ARCH_USER_END)
            break;
        enum region_plan plan = region_plan(p);
        if (plan != PLAN_REFUSE)
            error = add_region(arena, p, plan == PLAN_KERNEL, full);
        else
            error = refuse_shared(p);
//@ end
//@ replace
    return error != 0 ? error : got;
//@ with
    return error != 0 ? error : got == 1 ? 0 : got; /* 1: the rest lies above */
//@ end
