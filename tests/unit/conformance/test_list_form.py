"""The published list of excluded conformance cases: its form, and what a run makes of it."""

from pathlib import Path

import pytest

from tests.conformance import report
from tests.conformance.exclusions import Exclusion, FormError, Kind, parse
from tests.conformance.report import Outcome
from tests.conformance.suite import outcomes

LIST = Path("tests/conformance/excluded.txt")
HEAD = f"# suite: https://github.com/ceph/s3-tests\n# commit: {'ab' * 20}\n"


def test_the_published_list() -> None:
    """Every line has a case, a reason of an allowed kind and a reference (else FormError)."""
    listed = parse(LIST.read_text())
    assert listed.suite == "https://github.com/ceph/s3-tests"
    assert list(listed.cases) == sorted(listed.cases)
    assert {line.kind for line in listed.cases.values()} == set(Kind)


@pytest.mark.parametrize(
    "line",
    [
        "test_s3.py::test_a | row | S: Put/GetBucketLogging",
        "test_s3.py::test_a | row | X: GetObjectTorrent",
        "test_s3.py::test_a[sse-c-STANDARD-1] | row | L: UpdateObjectEncryption",
        "test_headers.py::test_a | fails_on_aws | an extension of Ceph",
        "test_s3.py::test_a | aws | https://docs.aws.amazon.com/AmazonS3/latest/API/x.html says so",
    ],
)
def test_right_lines(line: str) -> None:
    case, kind, reference = line.split(" | ")
    assert parse(HEAD + line).cases == {case: Exclusion(case, Kind(kind), reference)}


@pytest.mark.parametrize(
    "line",
    [
        "test_s3.py::test_a",
        "test_s3.py::test_a | row",
        "test_s3.py::test_a | row | ",
        "test_s3.py::test_a | row | M: PutObject",
        "test_s3.py::test_a | row | GetObjectTorrent",
        "test_s3.py::test_a | access | ACL",
        "test_s3.py::test_a | flaky | sometimes",
        "test_s3.py::test_a | fails_on_rgw | marked",
        "test_s3.py::test_a | fails_on_aws |  ",
        "test_s3.py::test_a | aws | https://example.com/AmazonS3/latest/",
        "test_s3.py::test_a | aws | it is known",
        "test_a | row | S: IAM API",
        "test_s3.py::a | row | S: IAM API",
        "test_s3.py::test_a | row | S: IAM API | more",
        "test_s3.py::test_a | row | S: IAM API\ntest_s3.py::test_a | row | S: IAM API",
    ],
)
def test_wrong_lines(line: str) -> None:
    with pytest.raises(FormError):
        parse(HEAD + line)


@pytest.mark.parametrize("head", ["", "# suite: a\n", "# suite: a\n# commit: main\n"])
def test_the_commit_is_named(head: str) -> None:
    with pytest.raises(FormError, match="commit"):
        parse(head + "test_s3.py::test_a | row | S: IAM API")


def test_a_run_is_compared_with_the_list() -> None:
    listed = {
        name: Exclusion(name, kind, "why")
        for name, kind in (
            ("excluded", Kind.AWS),
            ("excluded and skipped", Kind.ROW),
            ("passes now", Kind.FAILS_ON_AWS),
            ("gone", Kind.AWS),
            ("unmarked", Kind.FAILS_ON_AWS),
        )
    }
    ended = {
        "good": Outcome.PASSED,
        "bad": Outcome.FAILED,
        "excluded": Outcome.FAILED,
        "excluded and skipped": Outcome.SKIPPED,
        "passes now": Outcome.PASSED,
        "unmarked": Outcome.FAILED,
        "not run": Outcome.SKIPPED,
    }
    found = report.compare(ended, listed, ["passes now"])
    assert found == report.Comparison(
        passed=["good"],
        failed_unexpectedly=["bad"],
        passed_unexpectedly=["passes now"],
        excluded=["excluded", "excluded and skipped", "unmarked"],
        skipped=["not run"],
        unknown=["gone"],
        unmarked=["unmarked"],
    )
    assert not found.agrees
    told = report.text(found, listed, ["good", "bad"])
    assert "1 passed, 3 excluded" in told
    [row] = [line for line in told.splitlines() if line.startswith("objects ")]
    assert row.split()[1:] == ["1", "1", "4", "2"]
    assert "Failed unexpectedly:\n  bad\n" in told
    assert report.compare({"good": Outcome.PASSED}, {}, []).agrees


def test_a_part_of_the_suite_does_not_miss_the_rest() -> None:
    listed = {"other": Exclusion("other", Kind.AWS, "ACL")}
    assert report.compare({"good": Outcome.PASSED}, listed, [], whole=False).agrees


@pytest.mark.parametrize(
    ("case", "topic"),
    [
        ("test_s3.py::test_bucket_list_delimiter_percentage", "listings"),
        ("test_s3.py::test_put_bucket_logging_errors", "bucket logging"),
        ("test_s3.py::test_copy_enc[sse-s3-unencrypted-STANDARD-STANDARD-1]", "encryption"),
        ("test_s3.py::test_object_raw_response_headers", "headers and signatures"),
        ("test_headers.py::test_bucket_create_bad_ua_none_aws2", "headers and signatures"),
        ("test_s3.py::test_atomic_read_1mb", "objects"),
    ],
)
def test_topics(case: str, topic: str) -> None:
    assert report.topic(case) == topic


def test_outcomes_of_a_report() -> None:
    """A case whose clean-up fails has two entries; it failed."""
    case = '<testcase classname="s3tests.functional.test_s3" name="test_{}">{}</testcase>'
    report_ = "<testsuites><testsuite>{}</testsuite></testsuites>".format(
        "".join(
            case.format(name, inner)
            for name, inner in (
                ("a", ""),
                ("b", '<failure message="no"/>'),
                ("c", ""),
                ("c", '<error message="no"/>'),
                ("d", '<skipped message="no"/>'),
                ("e", '<error message="no"/>'),
                ("e", ""),
            )
        )
    )
    assert outcomes(report_) == {
        "test_s3.py::test_a": Outcome.PASSED,
        "test_s3.py::test_b": Outcome.FAILED,
        "test_s3.py::test_c": Outcome.FAILED,
        "test_s3.py::test_d": Outcome.SKIPPED,
        "test_s3.py::test_e": Outcome.FAILED,
    }
