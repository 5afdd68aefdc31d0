"""rseq.c finds with which size libc has registered its area, whatever the kernel's is: of Linux 7.0 it is 33 bytes, no longer 32."""
from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from conftest import TOP
from kit.systems import NOT_TRIED

MAIN = """#include "rseq.h"
#include "sys.h"
#include <stdio.h>
#include <stdlib.h>

ptrdiff_t __rseq_offset;
unsigned int __rseq_size = 20;

unsigned long getauxval(unsigned long type)
{
    return type == 27 ? 33 : type == 28 ? 64 : 0; /* as on Linux 7.0 */
}

int main(int argc, char **argv)
{
    static char area[64] __attribute__((aligned(64)));
    (void)argc;
    __rseq_offset = area - (char *)arch_get_tls();
    if (sys_call(SYS_rseq, (long)area, atoi(argv[1]), 0, ARCH_RSEQ_SIGNATURE) != 0)
        return 77;
    printf("%u\\n", rseq_find().size);
    return 0;
}
"""


@pytest.mark.parametrize("size", [32, 33, 64])
def test_the_size_that_was_registered_is_found(size: int, tmp_path: Path) -> None:
    folders = [TOP / f"solution/{name}" for name in ("stage2-saveimage", "stage1-readmaps")]
    (tmp_path / "main.c").write_text(MAIN)
    subprocess.run(["cc", *(f"-I{folder}" for folder in folders), "main.c", folders[0] / "rseq.c", "-o", "main"], cwd=tmp_path, check=True)
    without = {**os.environ, "GLIBC_TUNABLES": "glibc.pthread.rseq=0"}  # libc's own would be in the way
    done = subprocess.run([tmp_path / "main", str(size)], capture_output=True, text=True, env=without, check=False)
    if done.returncode == 77 and size != 32:
        pytest.skip(f"{NOT_TRIED}this kernel knows one size")
    assert (done.returncode, done.stdout) == (0, f"{size}\n")
