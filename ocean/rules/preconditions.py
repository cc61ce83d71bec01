"""Whether the conditions of a request hold: a truth table without side effects.

Reads follow RFC 9110 13.2.2, which S3 does; writes follow S3's conditional writes
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html).
"""

from datetime import datetime
from typing import NamedTuple

from ocean.errors import NoSuchKey, NotModified, PreconditionFailed

ANY = "*"


class Conditions(NamedTuple):
    """The conditions of a request; None for one that is not there.

    Tags are without quotes; `(ANY,)` stands for any object. A tuple without tags never matches.
    """

    if_match: tuple[str, ...] | None = None
    if_none_match: tuple[str, ...] | None = None
    if_modified_since: datetime | None = None
    if_unmodified_since: datetime | None = None


NONE = Conditions()


def check_read(conditions: Conditions, *, etag: str, modified: int) -> None:
    """Raise PreconditionFailed or NotModified unless a GET or HEAD is to be answered.

    `modified` is the object's time in whole seconds since 1970, as Last-Modified tells it.
    """
    failed = _failed(conditions, etag, modified)
    if failed in ("If-None-Match", "If-Modified-Since"):
        raise NotModified(headers={"etag": f'"{etag}"'})
    if failed:
        raise PreconditionFailed(Condition=failed)


def check_source(conditions: Conditions, *, etag: str, modified: int) -> None:
    """Raise PreconditionFailed unless the source of a copy is as the client expects."""
    failed = _failed(conditions, etag, modified)
    if failed:
        raise PreconditionFailed(Condition=f"x-amz-copy-source-{failed}")


def check_write(conditions: Conditions, *, etag: str | None, key: str) -> None:
    """Raise NoSuchKey or PreconditionFailed unless the object `key` may be replaced or deleted.

    `etag` is that of the present object, None without one or behind a delete marker.
    """
    if conditions.if_match is not None:
        if etag is None:
            raise NoSuchKey(Key=key)
        if not _matches(conditions.if_match, etag):
            raise PreconditionFailed(Condition="If-Match")
    none_match = conditions.if_none_match
    if none_match is not None and etag is not None and _matches(none_match, etag):
        raise PreconditionFailed(Condition="If-None-Match")


def _failed(conditions: Conditions, etag: str, modified: int) -> str:
    """The name of the condition that does not hold, in the order of RFC 9110 13.2.2."""
    if conditions.if_match is not None:
        if not _matches(conditions.if_match, etag):
            return "If-Match"
    elif (since := conditions.if_unmodified_since) is not None and modified > since.timestamp():
        return "If-Unmodified-Since"
    if conditions.if_none_match is not None:
        if _matches(conditions.if_none_match, etag):
            return "If-None-Match"
    elif (since := conditions.if_modified_since) is not None and modified <= since.timestamp():
        return "If-Modified-Since"
    return ""


def _matches(tags: tuple[str, ...], etag: str) -> bool:
    return etag in tags or ANY in tags
