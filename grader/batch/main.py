"""The command line of `make grade`: grader/grade SUBMISSIONS."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

from batch import anew, one, profiles, run
from batch.engines import EngineError
from batch.intake import IntakeError
from batch.request import Options
from batch.workshop import WorkshopError
from platforms.classroom50 import EnvironmentMissing
from reports import course_file, reports
from reports.course_file import CourseError
from reports.roster import BadRoster
from sandbox.spec import BUBBLEWRAP, BUBBLEWRAP_BY_ROOT, NONE, OWN_UID
from stage.config import BadProfile, find_profile
from stage.process import end_in_order, nobody_reads_on

USAGE, CANNOT, STOPPED = 64, 70, 130

ABOUT = """\
Grades all submissions of a folder: archives (tar.gz, tar.xz, zip) or folders, one per student, as `make handin`,
Gradescope, Moodle or Canvas name them. Each is built and tested in a sandbox. Stopped in the middle, the same
command goes on where it was; submissions that came or changed since are graded, the others are not graded again."""

AFTER = """\
The output folder has index.html and students/ for the staff, feedback/ for the students, grades.csv, junit.xml,
results/ (all that is known, as JSON) and artefacts/ of failures. Exit status: 0 if all were graded, 1 if some
could not be graded (they are named), 64 for a wrong call, 70 if nothing can be graded here, 130 if it was stopped."""


def parse_arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="grade", description=ABOUT, epilog=AFTER, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("submissions", nargs="?", type=Path, metavar="SUBMISSIONS", help="the folder, or one archive of all")
    add("-o", "--out", type=Path, metavar="DIR", help="the output folder (SUBMISSIONS-grades)")
    add("-j", "--jobs", type=int, metavar="N", help="so many at a time (the number of processors)")
    add("--stage", type=int, action="append", default=[], metavar="N", help="this stage alone; may be repeated")
    add("--profile", metavar="NAME", help="another course's programs: classic, classic-static, or a file")
    add("--profiles", type=Path, metavar="DIR", help="with --profile: DIR/NAME.toml is the profile of submission NAME alone")
    add("--only", action="append", default=[], metavar="TEST",
        help="run this test alone (test_x or 3.test_x), and put it into the results of an earlier run; may be repeated")
    add("--student", action="append", default=[], metavar="NAME", help="this student alone; may be repeated")
    add("--fresh", action="store_true", help="grade those again that are graded already")
    add("--stress", action="store_true", help="also the tests that take minutes; they have no points")
    add("--reports", action="store_true", help="grade nothing; make the reports anew, as after a change of course.toml")
    add("--engine", choices=["local", "slurm"], default="local", help="where: on this machine, or a Slurm cluster")
    tiers = [BUBBLEWRAP, BUBBLEWRAP_BY_ROOT, OWN_UID]
    add("--sandbox", type=lambda word: word.replace("-", " "), choices=tiers, default="", metavar="TIER",
        help=f"this one ({', '.join(tier.replace(' ', '-') for tier in tiers)}) and no other; else the best that works")
    add("--unsafe", action="store_true", help="no sandbox: the submissions' code runs with all of your rights")
    add("--no-reference", action="store_true", help="do not look first whether the reference passes on this machine")
    add("--patience", type=float, default=20.0, metavar="S", help="seconds to wait for an event (20)")
    add("--stage-limit", type=float, default=300.0, metavar="S", help="seconds for all tests of a stage (300)")
    add("--where", type=float, default=Options.where, metavar="S",
        help=f"seconds in which the place of each stage's first failure is searched ({Options.where:g}; 0: not at all)")
    add("--memory", type=int, default=Options.memory, metavar="MIB", help=f"that a submission may use ({Options.memory})")
    add("--disk", type=int, default=Options.disk, metavar="MIB", help=f"that a submission may fill ({Options.disk})")
    add("--people", type=Path, metavar="FILE",
        help="the course's list as a CSV, with times of submission (SUBMISSIONS/people.csv, if it is there, "
             "or the one of the call before)")
    add("--course", type=Path, metavar="FILE", help="points, dates, hidden tests (grader/course.toml)")
    add("--check-course", action="store_true", help="say what course.toml sets, and what is wrong in it")
    add("--days-used", type=Path, metavar="OUT", help="print the late days that a graded class has used, for the next")
    add("--one", type=Path, metavar="DIR", help="grade this one submission, for a course platform or for yourself")
    add("--platform", choices=sorted(one.PLATFORMS), default="", help="with --one: whose format the output has")
    add("--output", type=Path, metavar="FILE", help="with --platform: where the results go, as they come")
    return parser.parse_args(argv)


def profile_of(arguments: argparse.Namespace) -> str:
    """The profile's file, "" for the lab itself."""
    return str(find_profile(arguments.profile)) if arguments.profile else ""


def options_of(arguments: argparse.Namespace) -> Options:
    tier = NONE if arguments.unsafe else arguments.sandbox
    options = Options(
        tier, sorted(set(arguments.stage)), list(arguments.only), arguments.stress, arguments.patience,
        arguments.stage_limit, arguments.where, memory=arguments.memory, disk=arguments.disk, profile=profile_of(arguments),
    )
    unknown = sorted(set(options.stages) - set(options.interface().stages))
    if unknown:
        raise WrongCall(f"there is no stage {unknown[0]}")
    if not options.only:
        return options
    return replace(options, only=anew.named(options.only, course_file.read_catalogue(profile=options.profile), options.stages))


class WrongCall(Exception):
    """What is wrong with the command line."""


def is_below(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def check(arguments: argparse.Namespace) -> None:
    if arguments.check_course or arguments.days_used:
        return
    if (arguments.submissions is None) == (arguments.one is None):
        raise WrongCall("name the folder of submissions, or one submission with --one (--help tells more)")
    target = arguments.submissions or arguments.one
    if not target.exists():
        raise WrongCall(f"{target}: there is no such folder")
    if arguments.out and arguments.submissions and is_below(arguments.out, arguments.submissions):
        raise WrongCall(f"{arguments.out}: that lies in the folder of submissions, and would be taken for one of them")
    if arguments.platform and not (arguments.one and arguments.output):
        raise WrongCall("--platform needs --one and --output")
    if arguments.profiles and (arguments.one or not arguments.profile):
        raise WrongCall("--profiles needs --profile, the class's own, and a folder of submissions")
    if arguments.jobs is not None and arguments.jobs < 1:
        raise WrongCall("-j needs a number from 1")


def default_out(submissions: Path) -> Path:
    path = submissions.resolve()
    name = path.name.split(".")[0] if path.is_file() else path.name
    return path.with_name(f"{name}-grades")


def grade(arguments: argparse.Namespace) -> int:
    if arguments.check_course:
        catalogue = course_file.read_catalogue(profile=profile_of(arguments))
        return course_file.check(arguments.course or course_file.FILE, catalogue)
    if arguments.days_used:
        print(reports.days_used(arguments.days_used, arguments.course, profile_of(arguments)), end="")
        return 0
    options = options_of(arguments)
    if arguments.one:
        return one.grade(arguments.one, options, arguments.platform, arguments.output, arguments.course)
    plan = run.Plan(
        submissions=arguments.submissions.resolve(),
        out=(arguments.out or default_out(arguments.submissions)).resolve(),
        options=options,
        width=arguments.jobs or len(os.sched_getaffinity(0)),
        engine=arguments.engine,
        fresh=arguments.fresh,
        only_reports=arguments.reports,
        reference=not arguments.no_reference,
        students=arguments.student,
        course=arguments.course,
        profiles=profiles.of_students(arguments.profiles, options.interface()) if arguments.profiles else {},
        people=arguments.people,
    )
    return run.run(plan)


def main(argv: list[str]) -> int:
    end_in_order()
    arguments = parse_arguments(argv)
    try:
        check(arguments)
        status = grade(arguments)
        sys.stdout.flush()
        return status
    except (WrongCall, anew.NoSuchTest, BadProfile, IntakeError, BadRoster, CourseError, EnvironmentMissing) as error:
        print(f"grade: {error}", file=sys.stderr)
        return USAGE
    except (WorkshopError, EngineError) as error:
        print(f"grade: {error}", file=sys.stderr)
        return CANNOT
    except BrokenPipeError:  # whoever read it has had enough: `| head`
        nobody_reads_on()
        return STOPPED
    except KeyboardInterrupt:
        print("\ngrade: stopped; the same command goes on from here", file=sys.stderr)
        return STOPPED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
