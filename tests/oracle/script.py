"""What both stores are asked, step by step, and how their answers are made comparable.

A step is an operation of boto3 with its parameters. `Ref("put.VersionId")` stands for what the
step `put` answered. Version and upload ids are told by the order in which they first appear.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

# What says when, where and by whom, or is made up by each store.
_VOLATILE = frozenset(
    {
        "ResponseMetadata",
        "LastModified",
        "CreationDate",
        "Initiated",
        "Date",
        "Owner",
        "Initiator",
        "NextContinuationToken",
        "ContinuationToken",
        "Location",
        "RequestCharged",
        "AbortDate",
        "HostId",
        # moto leaves these out of most answers.
        "ChecksumAlgorithm",
        "ChecksumType",
        "EncodingType",
    }
)
_IDS = frozenset(
    {
        "VersionId",
        "UploadId",
        "CopySourceVersionId",
        "DeleteMarkerVersionId",
        "NextVersionIdMarker",
        "NextUploadIdMarker",
        "VersionIdMarker",
        "UploadIdMarker",
    }
)


class Ref(NamedTuple):
    """`STEP.FIELD` of an earlier answer."""

    path: str


class Step(NamedTuple):
    """One request; its name tells it in the report of differences."""

    name: str
    operation: str
    given: Mapping[str, Any]


def step(name: str, operation: str, **given: Any) -> Step:
    return Step(name, operation, given)


class Names:
    """Ids by the order of their appearance."""

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}

    def __call__(self, value: str) -> str:
        if value in ("null", ""):
            return value
        return self._seen.setdefault(value, f"id-{len(self._seen) + 1}")


def answers(client: Any, bucket: str, steps: list[Step]) -> Iterator[tuple[str, Any]]:
    """The name and the comparable answer of each step."""
    earlier: dict[str, Any] = {}
    names = Names()
    for one in steps:
        given = {key: _resolved(value, earlier) for key, value in one.given.items()}
        try:
            answer = getattr(client, one.operation)(Bucket=bucket, **given)
        except ClientError as error:
            told = error.response
            status = told["ResponseMetadata"]["HTTPStatusCode"]
            yield one.name, {"status": status, "code": told["Error"]["Code"]}
            continue
        if "Body" in answer:
            answer["Body"] = answer["Body"].read()
        earlier[one.name] = answer
        status = answer["ResponseMetadata"]["HTTPStatusCode"]
        yield one.name, {"status": status, **_comparable(answer, names)}


def _resolved(value: Any, earlier: Mapping[str, Any]) -> Any:
    match value:
        case Ref(path):
            found: Any = earlier
            for part in path.split("."):
                found = found[int(part)] if part.isdigit() else found[part]
            return found
        case dict():
            return {key: _resolved(one, earlier) for key, one in value.items()}
        case list():
            return [_resolved(one, earlier) for one in value]
        case _:
            return value


def _comparable(value: Any, names: Names) -> Any:
    match value:
        case dict():
            return {
                key: names(one) if key in _IDS else _comparable(one, names)
                for key, one in value.items()
                if key not in _VOLATILE and one not in ("", [], None)
            }
        case list():
            return [_comparable(one, names) for one in value]
        case str():
            return re.sub(r"test-[0-9a-f]{32}", "BUCKET", value)
        case _:
            return value
