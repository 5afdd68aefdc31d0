/* restart_go.c - the plan is made: says what it is, and carries it out. */
#include "restart_plan.h"

static void explain(const struct restorer *r)
{
    fprintf(stderr, "restart: %zu regions, %zu kinds of state; the restorer runs at 0x%lx\n", r->region_count,
            r->call_count, r->start);
    for (const struct kernel_move *m = r->moves; m < r->moves + r->move_count; m++)
        fprintf(stderr, "restart: %s at 0x%lx moves to 0x%lx\n", m->name, m->from, m->to);
}

void plan_go(const struct restart_plan *plan)
{
    if (plan->verbose || plan->dry_run)
        explain(plan->restorer);
    if (plan->dry_run)
        exit(EX_OK);
    const char *program = plan->image.names + plan->image.regions[0].name; /* it lies lowest, as a rule */
    if (plan->stop)
        fprintf(stderr, "restart: process %d stops before the jump. In another terminal, type\n"
                "    gdb -iex 'set exec-file-mismatch off' '%s' %d\n", getpid(), *program == '/' ? program : "PROG",
                getpid());
    arch_call_on_stack(plan->restorer, plan->entry, plan->stack_top);
}
