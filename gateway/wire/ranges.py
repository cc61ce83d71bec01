"""The Range header: what it selects of an object equals Python's slice. Pure (RFC 9110 14).

S3 answers one range. Several ranges, another unit and what is not a range mean the whole object.
"""

import re
from typing import NamedTuple

from ocean.errors import InvalidArgument, InvalidRange

_RANGE = re.compile(r"[ \t]*bytes=[ \t]*([0-9]{0,30})-([0-9]{0,30})[ \t]*", re.IGNORECASE)
_COPY_RANGE = re.compile(r"bytes=([0-9]{1,30})-([0-9]{1,30})")


class Range(NamedTuple):
    """Bytes `start` up to and without `stop`; at least one."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        return self.stop - self.start


def parse(header: str, size: int) -> Range | None:
    """The range that the header selects of `size` bytes, None for all of them.

    Raises InvalidRange if no byte is selected.
    """
    match = _RANGE.fullmatch(header)
    if match is None or match[1] == match[2] == "":
        return None
    if not match[1]:
        start, stop = max(size - int(match[2]), 0), size
    else:
        start = int(match[1])
        stop = min(int(match[2]) + 1, size) if match[2] else size
        if match[2] and int(match[2]) < start:
            return None
    if start >= stop:
        raise InvalidRange(
            headers={"content-range": f"bytes */{size}"},
            RangeRequested=header,
            ActualObjectSize=str(size),
        )
    return Range(start, stop)


def content_range(selected: Range, size: int) -> str:
    """The Content-Range header of a part of `size` bytes."""
    return f"bytes {selected.start}-{selected.stop - 1}/{size}"


def parse_copy(header: str, size: int) -> Range:
    """The range of x-amz-copy-source-range: both ends are given and inside the source."""
    name = "x-amz-copy-source-range"
    match = _COPY_RANGE.fullmatch(header)
    if match is None or int(match[2]) < int(match[1]):
        raise InvalidArgument(
            f"The {name} value must be of the form bytes=first-last where first and last are the "
            "zero-based offsets of the first and last bytes to copy",
            ArgumentName=name,
            ArgumentValue=header,
        )
    if int(match[2]) >= size:
        raise InvalidRange(
            f"Range specified is not valid for source object of size: {size}",
            RangeRequested=header,
            ActualObjectSize=str(size),
        )
    return Range(int(match[1]), int(match[2]) + 1)
