//@ step 3.2
    const uint64_t edges[] = {0, r->start, r->start + r->size, ARCH_USER_END};
    for (int i = 2; i >= 0; i -= 2) { /* what is above the block, then what is below */
        long error = sys_munmap(edges[i], edges[i + 1] - edges[i]);
        if (error != 0)
            return error;
    }
    return 0;
//@ end
//@ step 3.5
    typedef long setcontext_function(uint64_t ucontext);
    struct second_life *message = (struct second_life *)r->second_life;
    if (message != NULL) {
        message->restorer_size = r->size;
        message->restorer_start = r->start;
    }
    return ((setcontext_function *)r->setcontext)(r->ucontext);
//@ end
//@ replace
    for (size_t i = 0; i < r->region_count; i++) {
        const struct image_region *region = &r->regions[i];
//@ with
    for (size_t i = r->region_count; i-- > 0;) { /* downwards: the image is read from its beginning to its end */
        const struct image_region *region = &r->regions[i];
//@ end
