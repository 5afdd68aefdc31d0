"""All programs under test, as far as they can be built here, in the folder where the grader looks for them: lab.py runs this."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from stage import programs
from stage.config import GRADER


def names() -> list[str]:
    """Those with a recipe, and each source that is a program and has none."""
    sources = {how.source for how in programs.RECIPES.values()}
    alone = [path.stem for path in programs.SOURCES.glob("*.c") if path.name not in sources and "main(" in path.read_text()]
    return sorted({*programs.RECIPES, *alone})


def build(name: str) -> None:
    try:
        programs.Programs(GRADER / "build" / "programs").tool(name)
    except RuntimeError:
        pass  # it is built where it is needed


def main() -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(build, names()))


if __name__ == "__main__":
    main()
