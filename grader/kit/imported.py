"""A grader that is imported once, and forks for each stage that is to be graded: grader/check without its half second.

It reads what to do from its standard input, a line of JSON for each grading, and says the exit status and the
processor seconds of each.
"""

from __future__ import annotations

import functools
import gc
import json
import os
import subprocess
import sys
import tempfile
from typing import Any

from batch import forked
from stage import main
from stage.config import GRADER

spent: list[float] = []  # processor seconds of all gradings: not of a child that this process waits for


def work(job: dict[str, Any]) -> int:
    """In the child."""
    forked.begin_anew(os.open(job["output"], os.O_WRONLY), job["env"])
    return main.run(job["words"])


def serve() -> None:
    forked.warm_up()
    gc.freeze()  # else a child's first collection copies all pages
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            status = main.CANNOT
            try:
                status = work(json.loads(line))
            except SystemExit as wrong:  # of argparse
                status = int(wrong.code or 0)
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        _, ended, used = os.wait4(child, 0)
        print(os.waitstatus_to_exitcode(ended), used.ru_utime + used.ru_stime, flush=True)


@functools.lru_cache(maxsize=None)
def server() -> subprocess.Popen[str]:
    words = [str(GRADER / "python"), __file__]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def check(words: list[str], env: dict[str, str]) -> tuple[int, str]:
    """What grader/check with these words ends with, and says."""
    pipes = server()
    assert pipes.stdin is not None and pipes.stdout is not None
    with tempfile.NamedTemporaryFile(mode="r", errors="replace") as output:
        pipes.stdin.write(json.dumps({"words": words, "env": env, "output": output.name}) + "\n")
        pipes.stdin.flush()
        status, seconds = pipes.stdout.readline().split()
        spent.append(float(seconds))
        return int(status), output.read()


if __name__ == "__main__":
    serve()
