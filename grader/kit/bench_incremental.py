"""make bench: what a checkpoint costs with ckpt --incremental, of a program that changes one page of a hundred.

CPU time, since the machine may be busy: of the first checkpoint, of the second, which writes the other file, of the later ones,
and without the option. And the price while the program runs: the first write to a page after a checkpoint is a page fault.
"""
from __future__ import annotations

import statistics
import subprocess
from pathlib import Path

ROUNDS = 8  # checkpoints

# Each round: one page of a hundred is written to, here and there; a checkpoint. Prints the milliseconds of CPU time of both.
PROGRAM = r"""
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
extern int ckpt_now(void) __attribute__((weak));
static double cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}
int main(int argc, char **argv)
{
    uint64_t pages = strtoul(argv[1], NULL, 10) << 8, at = 0;
    char *memory = mmap(NULL, pages << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    madvise(memory, pages << 12, MADV_NOHUGEPAGE);
    for (uint64_t i = 0; i < pages << 12; i += 64)
        memory[i] = (char)(i >> 12 | 1);
    for (int rounds = atoi(argv[2]); rounds > 0; rounds--) {
        double begin = cpu();
        for (uint64_t i = 0; i < pages / 100; i++)
            memory[(at = (at * 6364136223846793005 + 1442695040888963407) >> 3) % pages << 12]++;
        double touched = cpu();
        if (ckpt_now == NULL || ckpt_now() != 0)
            return 1;
        printf("%f %f\n", touched - begin, cpu() - touched);
    }
    return 0;
}
"""


def lives(stage: Path, folder: Path, mib: int, *options: str) -> tuple[list[float], list[float]]:
    """Milliseconds of CPU time, in each round: of the writes to memory, and of the checkpoint."""
    words: list[str | Path] = [stage / "ckpt", *options, "-o", "image", folder / "few", str(mib), str(ROUNDS)]
    done = subprocess.run(words, cwd=folder, check=True, text=True, stdout=subprocess.PIPE)
    (folder / "image").unlink()
    rows = [line.split() for line in done.stdout.splitlines()]
    return [float(touch) for touch, _ in rows], [float(save) for _, save in rows]


def show(stage: Path, folder: Path, mib: int) -> None:
    """`few`, which is PROGRAM, is in the folder."""
    plain_touch, plain = lives(stage, folder, mib)
    touch, save = lives(stage, folder, mib, "--incremental")
    first, later = save[0], statistics.median(save[2:])
    price = statistics.median(touch[1:]) - statistics.median(plain_touch[1:])
    print(f"ckpt --incremental, {mib} MiB, 1 % changes; CPU time, medians of {ROUNDS} rounds; x: ratio to the first checkpoint")
    for what, value in [("without the option", statistics.median(plain)), ("the first", first), ("the second", save[1]),
                        ("each later one", later)]:
        print(f"  {what:<28}{value:9.1f} ms   x {value / first:.3f} (1/{first / value:.1f})", flush=True)
    print(f"  price of 1 % a second       {price:9.2f} ms   {price / 10:.2f} %", flush=True)
