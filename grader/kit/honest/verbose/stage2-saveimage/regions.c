//@ replace
static int read_all(struct arena *arena, struct maps_reader *reader, bool full)
{
//@ with
/* Returns true if the region is not one of the program's, or cannot be saved by anybody. */
static bool my_region_must_be_left_out(const struct arena *arena, const struct region *region)
{
    bool is_the_arena = region->start >= arena->start && region->start < arena->start + sizeof(struct arena);
    bool is_above_user_space = region->start >= ARCH_USER_END;
    if (is_the_arena) {
        return true;
    }
    if (is_above_user_space) {
        return true;
    }
    return false;
}

static int read_all(struct arena *arena, struct maps_reader *reader, bool full)
{
//@ end
//@ step 2.4
        bool must_be_left_out = my_region_must_be_left_out(arena, &region);
        if (!must_be_left_out) {
            enum region_plan what_to_do = region_plan(&region);
            if (what_to_do == PLAN_SAVE) {
                error = add_region(arena, &region, false, full);
            }
            if (what_to_do == PLAN_FILE) {
                error = add_region(arena, &region, false, full);
            }
            if (what_to_do == PLAN_GUARD) {
                error = add_region(arena, &region, false, full);
            }
            if (what_to_do == PLAN_KERNEL) {
                error = add_region(arena, &region, true, full);
            }
            if (what_to_do == PLAN_REFUSE) {
                error = refuse_shared(&region);
            }
        }
//@ end
