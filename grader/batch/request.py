"""What a job is asked to do: a file, since the job may run on another machine."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sandbox.spec import MIB, Limits
from stage.config import Interface, load_interface


@dataclass(frozen=True)
class Options:
    """How a class is graded; the same for all."""

    tier: str = ""  # of the sandbox; "": the best that the job's machine has
    stages: list[int] = field(default_factory=list)  # [] for all
    only: list[str] = field(default_factory=list)  # these tests alone (3.test_x), put into the results of an earlier run
    stress: bool = False
    patience: float = 20.0  # seconds to wait for an event before it counts as never
    stage_limit: float = 300.0  # seconds for all tests of a stage
    where: float = 10.0  # seconds in which the fault behind a stage's first failure is searched; 0: not at all
    maxima: dict[str, float] = field(default_factory=dict)  # stage -> points of all its tests, hidden ones too
    memory: int = Limits.memory // MIB  # that a submission may use, in MiB
    disk: int = Limits.disk // MIB
    profile: str = ""  # the file of another course's interface; "": the lab's own

    def numbers(self) -> list[int]:
        """The stages to grade: of those that were asked for, the ones that have one of the tests."""
        return [stage for stage in sorted(self.stages or self.interface().stages) if not self.only or self.only_in(stage)]

    def only_in(self, stage: int) -> list[str]:
        """Those tests of a stage that are to be run alone. A name without a stage is meant in each."""
        words = [word.rpartition(".") for word in self.only]
        return [name for number, _, name in words if number in ("", str(stage))]

    def interface(self) -> Interface:
        return load_interface(Path(self.profile)) if self.profile else load_interface()


@dataclass(frozen=True)
class Request:
    """One submission. `paths` are laid over one another, in this order."""

    name: str
    student: str
    student_id: str
    source: str
    submitted: str
    paths: list[str]
    notes: list[str]  # of the intake
    digest: str  # SHA-256 of what was handed in
    grader: str  # SHA-256 of the grader
    out: str  # the output folder
    repeat: str = ""  # the command that grades it again
    options: Options = field(default_factory=Options)

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1))

    @staticmethod
    def load(path: Path) -> Request:
        table = json.loads(path.read_text())
        options = Options(**table.pop("options"))
        return Request(**table, options=options)
