//@ step 2.7
    static const struct {
        size_t to;
        int from;
    } same[] = {
        {offsetof(struct user_regs_struct, rip), REG_RIP}, {offsetof(struct user_regs_struct, rsp), REG_RSP},
        {offsetof(struct user_regs_struct, rbp), REG_RBP}, {offsetof(struct user_regs_struct, rbx), REG_RBX},
        {offsetof(struct user_regs_struct, r12), REG_R12}, {offsetof(struct user_regs_struct, r13), REG_R13},
        {offsetof(struct user_regs_struct, r14), REG_R14}, {offsetof(struct user_regs_struct, r15), REG_R15},
        {offsetof(struct user_regs_struct, rdi), REG_RDI}, {offsetof(struct user_regs_struct, rsi), REG_RSI},
        {offsetof(struct user_regs_struct, rdx), REG_RDX}, {offsetof(struct user_regs_struct, rcx), REG_RCX},
        {offsetof(struct user_regs_struct, r8), REG_R8}, {offsetof(struct user_regs_struct, r9), REG_R9},
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        *(unsigned long long *)((char *)to + same[i].to) =
            (unsigned long long)from->uc_mcontext.gregs[same[i].from];
    to->cs = 0x33;
    to->ss = 0x2b;
    to->eflags = 0x202;
    to->orig_rax = ~0ULL;
    to->fs_base = arch_get_tls();
    to->gs_base = arch_get_gs();
//@ end
