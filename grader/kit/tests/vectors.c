/*
 * vectors.c - takes a checkpoint with vector registers full of numbers, and says in each life which are not as they
 * were:  vectors xmm|ymm|zmm.
 *
 * The signal comes inside the assembly: so its frame, and nothing else, has the registers.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REGISTERS 16
#define RAISE "mov $200, %%eax\n syscall\n" /* SYS_tkill */
#define EACH(do) do(0) do(1) do(2) do(3) do(4) do(5) do(6) do(7) do(8) do(9) do(10) do(11) do(12) do(13) do(14) do(15)
#define LOAD(move, register, size, n) #move " " #n "*" #size "(%[in]), %%" #register #n "\n"
#define STORE(move, register, size, n) #move " %%" #register #n ", " #n "*" #size "(%[out])\n"
#define LOAD_X(n) LOAD(movdqu, xmm, 64, n)
#define STORE_X(n) STORE(movdqu, xmm, 64, n)
#define LOAD_Y(n) LOAD(vmovdqu, ymm, 64, n)
#define STORE_Y(n) STORE(vmovdqu, ymm, 64, n)
#define LOAD_Z(n) LOAD(vmovdqu64, zmm, 64, n)
#define STORE_Z(n) STORE(vmovdqu64, zmm, 64, n)
#define MASK_IN "kmovw 4(%[in]), %%k5\n"
#define MASK_OUT "kmovw %%k5, 1024(%[out])\n"
#define HOLD(load, store)                                                                                             \
    __asm__ volatile(load RAISE store                                                                                 \
                     : [number] "+a"(number)                                                                          \
                     : [in] "r"(in), [out] "r"(out), "D"(syscall(SYS_gettid)), "S"(SIGUSR2)                           \
                     : "rcx", "r11", "memory")

static uint64_t in[REGISTERS + 1][8], out[REGISTERS + 1][8];

int main(int argc, char **argv)
{
    char kind = argc > 1 ? argv[1][0] : 'x';
    int words = kind == 'z' ? 8 : kind == 'y' ? 4 : 2, wrong = 0;
    long number = 0;
    for (int i = 0; i < REGISTERS; i++)
        for (int word = 0; word < 8; word++)
            in[i][word] = (uint64_t)(i * 8 + word + 1) * 0x100000001UL;
    if (kind == 'z')
        HOLD(EACH(LOAD_Z) MASK_IN, EACH(STORE_Z) MASK_OUT);
    else if (kind == 'y')
        HOLD(EACH(LOAD_Y), EACH(STORE_Y));
    else
        HOLD(EACH(LOAD_X), EACH(STORE_X));
    for (int i = 0; i < REGISTERS; i++)
        if (memcmp(in[i], out[i], (size_t)words * 8) != 0 && ++wrong)
            printf("%cmm%d: %lu %lu %lu %lu ...\n", kind, i, out[i][0] >> 32, out[i][1] >> 32, out[i][2] >> 32,
                   out[i][3] >> 32);
    if (kind == 'z' && (uint16_t)out[REGISTERS][0] != (uint16_t)(in[0][0] >> 32) && ++wrong)
        printf("k5: %lx\n", out[REGISTERS][0]);
    printf("%cmm: %d wrong\n", kind, wrong);
    return wrong != 0;
}
