"""A class's failures by cause: who is counted, what it cost, what nobody knows the cause of."""
from __future__ import annotations

import random

import pytest

from kit import fakeclass
from reports import results
from reports.clusters import Cluster, clusters, losses_of, normalised
from reports.results import StageResult, SubmissionResult, TestResult
from stage.diagnosis import load_causes


def failed(test: str, cause: str = "", reason: str = "it failed", maximum: float = 2.0) -> TestResult:
    return TestResult(test, test, 0.0, maximum, outcome=results.FAILED, reason=reason, cause=cause)


def skipped(test: str, reason: str) -> TestResult:
    return TestResult(test, test, 0.0, 1.0, outcome=results.SKIPPED, reason=reason)


def submission(name: str, *stages: StageResult) -> SubmissionResult:
    return SubmissionResult(name, name.title(), stages=list(stages))


def stage(*tests: TestResult, number: int = 3, **fields: object) -> StageResult:
    made = StageResult(number, f"stage{number}", **fields)  # type: ignore[arg-type]
    made.tests = list(tests)
    made.points = sum(test.points for test in tests)
    made.maximum = made.maximum or sum(test.maximum for test in tests)
    return made


def by_key(*submissions: SubmissionResult) -> dict[str, Cluster]:
    return {cluster.key: cluster for cluster in clusters(submissions)}


def test_every_cause_has_a_title_of_its_own() -> None:
    titles = [cause.title for cause in load_causes()]
    assert all(titles), [cause.id for cause in load_causes() if not cause.title]
    assert len(titles) == len(set(titles))
    for title in titles:
        assert len(title) <= 34 and len(title.split()) <= 5 and not title.endswith("."), title


def test_a_student_counts_once_however_many_tests_the_cause_cost() -> None:
    first = submission("ann", stage(failed("test_usleep", "no-tls"), failed("test_tls", "no-tls")))
    second = submission("bob", stage(failed("test_tls", "no-tls")))
    found = by_key(first, second)
    assert list(found) == ["no-tls"]
    cluster = found["no-tls"]
    assert (cluster.title, len(cluster.students), cluster.tests, cluster.points) == ("TLS base", 2, 3, 6.0)
    assert cluster.places == [("stage 3 test_tls", 2), ("stage 3 test_usleep", 1)]
    assert "TLS base" in cluster.text and cluster.next_step and "3.6" in cluster.read


def test_a_place_that_was_found_comes_before_the_cause() -> None:
    """With what has the same cause in that stage; the causes are told in it. In another stage it is another matter."""
    place = "part_thread.c, restore() (step 3.6)"
    tests = [failed("test_tls", "no-tls"), failed("test_tls", "no-rseq")]
    for test in tests:
        test.where, test.cause_text = place, f"because of {test.cause}"
    usleep = failed("test_usleep", "no-tls")
    usleep.cause_text = tests[0].cause_text
    ann = submission("ann", stage(tests[0], usleep, failed("test_maps", "no-vdso")))
    bob = submission("bob", stage(tests[1]), stage(failed("test_tls", "no-tls"), number=4))
    found = by_key(ann, bob)
    assert sorted(found) == sorted([place, "no-vdso", "no-tls"])
    cluster = found[place]
    assert (cluster.title, len(cluster.students), cluster.tests, cluster.stages) == (place, 2, 3, [3])
    assert cluster.causes == [("because of no-tls", 2), ("because of no-rseq", 1)]
    assert [result.name for result in found["no-tls"].students] == ["bob"]


def test_where_somebody_got_stuck_is_told_apart() -> None:
    tests = failed("test_bare", "no-vdso"), failed("test_tls", "no-tls")
    found = by_key(submission("ann", stage(*tests)), submission("bob", stage(tests[1])))
    assert (found["no-vdso"].stuck, found["no-tls"].stuck) == (1, 1)
    assert len(found["no-tls"].students) == 2
    assert found["no-tls"].example.result.name == "bob", "an example is one that somebody got stuck at"


def test_what_was_skipped_is_put_down_to_what_failed() -> None:
    tests = failed("test_a", "no-tls"), skipped("test_b", "needs test_a"), skipped("test_c", "needs test_b")
    found = by_key(submission("ann", stage(*tests)))
    assert list(found) == ["no-tls"]
    assert (found["no-tls"].points, found["no-tls"].tests) == (4.0, 3)


def test_what_the_reference_fails_too_is_nobodys_loss() -> None:
    own = TestResult("test_rseq", "", 2.0, 2.0, outcome=results.ENVIRONMENT)
    assert not clusters([submission("ann", stage(own, skipped("test_b", "needs test_rseq")))])


def test_a_skip_that_cost_points_and_has_no_failure_behind_it_is_shown() -> None:
    found = clusters([submission("ann", stage(skipped("test_clang", "no clang here")))])
    assert [(cluster.title, cluster.points) for cluster in found] == [("test_clang: no clang here", 1.0)]


def test_unknown_causes_are_put_together_by_their_message() -> None:
    text = "pid {0}: bad region 7f{0}0000000-7f{0}0001000 of /tmp/x{0}/lib.so"
    same = [submission(f"s{pid}", stage(failed("test_maps", reason=text.format(pid)))) for pid in (1234, 99871)]
    found = clusters(same)
    assert [len(cluster.students) for cluster in found] == [2]
    assert found[0].title == "test_maps: pid N: bad region ADDRESS-ADDRESS of .../lib.so"
    assert found[0].messages == [("pid N: bad region ADDRESS-ADDRESS of .../lib.so", 2)]
    other_message = submission("s0", stage(failed("test_maps", reason="another message")))
    other_test = submission("s1", stage(failed("test_x", reason=text.format(1234))))
    assert len(clusters([*same, other_message, other_test])) == 3


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("exit status 65, not 71 after 3 s", "exit status 65, not N after N s"),
        ("errno 14 at 0x7ffe12", "errno 14 at ADDRESS"),
        ("SIGUSR2 in test_2 of stage2", "SIGUSR2 in test_2 of stage2"),
        ("/proc/123/maps and /tmp/a b/c", "/proc/N/maps and .../a b/c"),
        ("\x1b[31mred\x1b[0m\n twice", "red twice"),
        ("deadbeef face", "deadbeef face"),
        ("00deadbeef00", "ADDRESS"),
    ],
)
def test_messages_lose_what_differs_from_run_to_run(message: str, shown: str) -> None:
    assert normalised(message) == shown


@pytest.mark.parametrize("status", [results.NOT_BUILT, results.MISSING, results.TIME_LIMIT, results.GRADER_FAILED])
def test_a_stage_without_tests_is_a_cluster_by_its_status(status: str) -> None:
    stages = [stage(number=n, status=status, maximum=20.0, message="make: error") for n in (1, 2)]
    cluster = by_key(submission("ann", stages[0]), submission("bob", stages[1]))[status]
    assert (len(cluster.students), cluster.points, cluster.stages) == (2, 40.0, [1, 2])
    assert cluster.title[0].isupper() and cluster.messages == [("make: error", 2)]
    assert cluster.ours == (status == results.GRADER_FAILED)


def test_a_stage_without_tests_may_have_a_cause() -> None:
    broken = stage(status=results.NOT_BUILT, maximum=45.0, cause="not-of-this-grader", cause_text="Why.")
    (cluster,) = clusters([submission("ann", broken)])
    assert (cluster.key, cluster.title, cluster.text) == ("not-of-this-grader", "Not of this grader", "Why.")


def test_a_stage_that_ran_out_of_time_loses_its_rest_once() -> None:
    made = stage(failed("test_a", "no-tls"), status=results.TIME_LIMIT, maximum=10.0)
    found = by_key(submission("ann", made))
    assert (found["no-tls"].points, found[results.TIME_LIMIT].points) == (2.0, 8.0)
    assert (found["no-tls"].stuck, found[results.TIME_LIMIT].stuck) == (0, 1)


def test_a_refused_submission_is_in_no_cluster() -> None:
    made = submission("ann", stage(failed("test_a", "no-tls")))
    made.status = results.REFUSED
    assert not losses_of(made) and not clusters([made])


def test_the_most_students_come_first_whatever_the_order() -> None:
    people = fakeclass.Maker(fakeclass.small()).people(60)
    found = clusters(people)
    counts = [len(cluster.students) for cluster in found]
    assert counts == sorted(counts, reverse=True) and counts[0] > 1
    random.Random(1).shuffle(people)
    assert [(c.key, c.students, c.example, c.messages) for c in clusters(people)] == [
        (c.key, c.students, c.example, c.messages) for c in found
    ]


def test_all_lost_points_are_in_some_cluster() -> None:
    people = fakeclass.Maker(fakeclass.small()).people(60)
    lost = sum(made.maximum - made.points for made in people if made.status != results.REFUSED)
    assert sum(cluster.points for cluster in clusters(people)) == pytest.approx(lost)
