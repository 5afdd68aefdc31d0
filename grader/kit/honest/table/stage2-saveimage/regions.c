//@ step 2.4
        enum region_plan plan = region_plan(&region);
        bool ours = region.start == arena->start, reachable = region.start < ARCH_USER_END;
        switch (ours || !reachable ? -1 : (int)plan) {
        case -1: break;
        case PLAN_REFUSE: error = refuse_shared(&region); break;
        case PLAN_KERNEL: error = add_region(arena, &region, true, full); break;
        default: error = add_region(arena, &region, false, full);
        }
//@ end
