"""The published list of cases of ceph/s3-tests that are excluded: its form, read. Pure.

Invariant: a list that is read has no duplicates, and every line has a kind and a reference.
"""

import re
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """Why a case may be excluded; nothing else is a reason."""

    ROW = "row"  # reference: a row of the feature table, S (soon), L (later) or X (refused)
    FAILS_ON_AWS = "fails_on_aws"  # reference: what AWS does not do; the suite marks the case
    AWS = "aws"  # reference: a page of AWS's documentation that says otherwise


_REFERENCE = {
    Kind.ROW: re.compile(r"[SLX]: \S.*"),
    Kind.FAILS_ON_AWS: re.compile(r"\S.*"),
    Kind.AWS: re.compile(r"https://docs\.aws\.amazon\.com/\S+(?: \S.*)?"),
}
_ID = re.compile(r"test_[a-z0-9_]+\.py::test_\w+(?:\[[^|\s]+\])?")
_HEADER = re.compile(r"# (suite|commit): (\S+)")
_COMMIT = re.compile(r"[0-9a-f]{40}")


class FormError(ValueError):
    """The list is not of the form; the message names the line."""


class Exclusion(NamedTuple):
    """One excluded case."""

    case: str
    kind: Kind
    reference: str


class Exclusions(NamedTuple):
    """The list: of which suite at which commit, and the cases by id."""

    suite: str
    commit: str
    cases: dict[str, Exclusion]


def parse(text: str) -> Exclusions:
    """The list of a text with lines `id | kind | reference`; FormError."""
    headers: dict[str, str] = {}
    cases: dict[str, Exclusion] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if match := _HEADER.fullmatch(line):
            headers[match[1]] = match[2]
        elif line and not line.startswith("#"):
            found = _exclusion(line, number)
            if found.case in cases:
                raise FormError(f"line {number}: {found.case} is there twice")
            cases[found.case] = found
    if "suite" not in headers or not _COMMIT.fullmatch(headers.get("commit", "")):
        raise FormError("the suite and its commit are not named")
    return Exclusions(headers["suite"], headers["commit"], cases)


def plain(text: str) -> list[str]:
    """The cases of a text with one id on each line."""
    return [line for line in text.splitlines() if not line.startswith("#")]


def _exclusion(line: str, number: int) -> Exclusion:
    columns = line.split(" | ")
    if len(columns) != 3:
        raise FormError(f"line {number}: not `id | kind | reference`")
    case, name, reference = columns
    if not _ID.fullmatch(case):
        raise FormError(f"line {number}: {case!r} is no id of a case")
    if name not in set(Kind):
        raise FormError(f"line {number}: {name!r} is no reason")
    if not _REFERENCE[Kind(name)].fullmatch(reference):
        raise FormError(f"line {number}: {reference!r} is no reference of kind {name}")
    return Exclusion(case, Kind(name), reference)
