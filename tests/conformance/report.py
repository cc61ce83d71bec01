"""What a run showed, compared with the published list, and how it is printed. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from tests.conformance.exclusions import Exclusion, Kind


class Outcome(StrEnum):
    """How a case ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"  # by the suite itself: it needs what only Ceph has


class Comparison(NamedTuple):
    """The cases of a run by what they mean; all of them sorted."""

    passed: list[str]
    failed_unexpectedly: list[str]
    passed_unexpectedly: list[str]
    excluded: list[str]
    skipped: list[str]  # not excluded, and not run by the suite
    unknown: list[str]  # excluded, and not in the suite
    unmarked: list[str]  # excluded as marked fails_on_aws, and not marked so

    @property
    def agrees(self) -> bool:
        """Whether the list says exactly what was found."""
        return not (
            self.failed_unexpectedly
            or self.passed_unexpectedly
            or self.skipped
            or self.unknown
            or self.unmarked
        )


def compare(
    outcomes: Mapping[str, Outcome],
    excluded: Mapping[str, Exclusion],
    marked: Iterable[str],
    *,
    whole: bool = True,
) -> Comparison:
    """Compare a run with the list; only a `whole` run shows what is not in the suite."""
    failing = set(marked)
    owed = outcomes.keys() - excluded.keys()
    listed = outcomes.keys() & excluded.keys()
    named = {case for case, line in excluded.items() if line.kind is Kind.FAILS_ON_AWS}

    def of(cases: Iterable[str], outcome: Outcome) -> list[str]:
        return sorted(case for case in cases if outcomes[case] is outcome)

    return Comparison(
        passed=of(owed, Outcome.PASSED),
        failed_unexpectedly=of(owed, Outcome.FAILED),
        passed_unexpectedly=of(listed, Outcome.PASSED),
        excluded=sorted(case for case in listed if outcomes[case] is not Outcome.PASSED),
        skipped=of(owed, Outcome.SKIPPED),
        unknown=sorted(excluded.keys() - outcomes.keys()) if whole else [],
        unmarked=sorted(named - failing),
    )


# The first pattern that is found in a case's id gives its topic.
_TOPICS = (
    ("bucket logging", r"logging"),
    ("POST form", r"post_object"),
    ("CORS", r"cors"),
    ("encryption", r"encrypt|sse_|kms|_enc\b|_enc_|_noenc"),
    ("object lock", r"object_lock"),
    ("lifecycle, storage classes", r"lifecycle|storage_class|restore|read_through|expiration"),
    ("public access block", r"public_block|block_public|ignore_public"),
    ("bucket policy", r"policy|tags_acl_public|tags_obj_public"),
    ("ownership", r"ownership|bucket_owner|object_writer"),
    ("ACL", r"acl|grant|access_bucket|_raw_get|_raw_authenticated|anon_put|100_continue"),
    ("headers and signatures", r"test_headers\.py|presigned|_raw_|signature"),
    ("conditional requests", r"if_?match|if_?none|if_?non|modified|conditional"),
    ("checksums", r"checksum|cksum|_md5"),
    ("multipart", r"multipart|upload_part|_parts"),
    ("copy", r"copy"),
    ("tagging", r"tagging|_tags"),
    ("versions", r"version|delete_marker"),
    ("listings", r"_list"),
    ("service and buckets", r"bucket|account"),
    ("objects", r""),
)


def topic(case: str) -> str:
    """Which topic a case is of."""
    return next(name for name, pattern in _TOPICS if re.search(pattern, case))


def text(found: Comparison, excluded: Mapping[str, Exclusion], peer: Iterable[str] = ()) -> str:
    """The report with its line end; `peer` are the cases that radosgw passes."""
    lines = [
        f"{len(found.passed)} passed, {len(found.excluded)} excluded",
        f"{len(found.failed_unexpectedly)} failed unexpectedly",
        f"{len(found.passed_unexpectedly)} passed unexpectedly",
        "",
        *_by_topic(found, peer),
        "",
        *_by_reason(found, excluded),
    ]
    for name, cases in (
        ("Failed unexpectedly", found.failed_unexpectedly),
        ("Passed, and yet excluded", found.passed_unexpectedly),
        ("Skipped by the suite, and not excluded", found.skipped),
        ("Excluded, and not in the suite", found.unknown),
        ("Excluded as fails_on_aws, and not marked so", found.unmarked),
    ):
        if cases:
            lines += ["", f"{name}:", *(f"  {case}" for case in cases)]
    return "\n".join(lines) + "\n"


def table(passed: Iterable[str], excluded: Iterable[str], peer: Iterable[str]) -> str:
    """Markdown of how many cases of each topic pass, are excluded, and pass with radosgw."""
    counts = [Counter(map(topic, cases)) for cases in (passed, excluded, peer)]
    lines = ["| Topic | Passed | Excluded | radosgw 16.2 |", "|---|---:|---:|---:|"]
    for name, _ in _TOPICS:
        cells = " | ".join(str(count[name]) for count in counts)
        lines.append(f"| {name} | {cells} |")
    cells = " | ".join(str(count.total()) for count in counts)
    return "\n".join([*lines, f"| **all** | {cells} |"])


def _by_topic(found: Comparison, peer: Iterable[str]) -> list[str]:
    left_out = [*found.excluded, *found.passed_unexpectedly]
    columns = {
        "passed": found.passed,
        "failed": found.failed_unexpectedly,
        "excluded": left_out,
        "radosgw": peer,
    }
    counts = [Counter(map(topic, cases)) for cases in columns.values()]
    rows = [f"{'topic':<28}  {'  '.join(columns)}"]
    for name, _ in _TOPICS:
        if any(count[name] for count in counts):
            cells = (f"{count[name]:>{len(of)}}" for of, count in zip(columns, counts, strict=True))
            rows.append(f"{name:<28}  {'  '.join(cells)}")
    return rows


def _by_reason(found: Comparison, excluded: Mapping[str, Exclusion]) -> list[str]:
    reasons = Counter(excluded[case][1:] for case in found.excluded)
    return ["excluded by reason"] + [
        f"{count:>5}  {kind}: {reference}" for (kind, reference), count in sorted(reasons.items())
    ]
