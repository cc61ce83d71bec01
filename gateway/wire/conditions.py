"""The conditional headers: entity tags to conditions. Pure (RFC 9110 8.8.3, 13.1)."""

import re
from datetime import datetime

from gateway.wire import dates
from ocean import errors
from ocean.rules.preconditions import ANY, NONE, Conditions

_TAG = re.compile(r'(W/)?(?:"([^"]*)"|([^",\s]+))')


def parse_tags(header: str | None, *, weak: bool) -> tuple[str, ...] | None:
    """The tags of a list, without quotes, which S3 does not ask for; None without any.

    If-Match compares strongly, so weak tags match nothing there (`weak=False` leaves them out).
    """
    if not header:
        return None
    if header.strip() == ANY:
        return (ANY,)
    # A quoted "*" is a tag of one star; no object has it.
    found = ((prefix, quoted or bare) for prefix, quoted, bare in _TAG.findall(header))
    return tuple(tag for prefix, tag in found if tag != ANY and (weak or not prefix))


def read_conditions(
    if_match: str | None,
    if_none_match: str | None,
    if_modified_since: datetime | None,
    if_unmodified_since: datetime | None,
) -> Conditions:
    """The conditions of a GET, a HEAD or the source of a copy."""
    if (if_match or if_none_match or if_modified_since or if_unmodified_since) is None:
        return NONE
    return Conditions(
        parse_tags(if_match, weak=False),
        parse_tags(if_none_match, weak=True),
        if_modified_since,
        if_unmodified_since,
    )


def range_holds(if_range: str | None, *, etag: str, modified: int) -> bool:
    """Whether a Range header is to be obeyed: If-Range, if any, names the object as it is.

    `modified` is in whole seconds since 1970. Weak tags and other dates never do (RFC 9110 13.1.5).
    """
    if if_range is None:
        return True
    date = dates.parse_http(if_range)
    if date is not None:
        return date == modified
    return if_range.strip() == f'"{etag}"'


def write_conditions(if_match: str | None, if_none_match: str | None = None) -> Conditions:
    """The conditions of a write. S3 has no If-None-Match with a tag there, only `*`."""
    if if_match is None and if_none_match is None:
        return NONE
    if if_none_match is not None and if_none_match.strip() != ANY:
        raise errors.NotImplemented(Header="If-None-Match")
    return Conditions(
        if_match=parse_tags(if_match, weak=False),
        if_none_match=None if if_none_match is None else (ANY,),
    )
