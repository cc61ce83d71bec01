"""The Range header selects what Python's slice does."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.ranges import Range, content_range, parse, parse_copy
from ocean.errors import InvalidArgument, InvalidRange, S3Error

DATA = bytes(range(50))
sizes = st.integers(0, len(DATA))
numbers = st.integers(0, 70)


def select(header: str, size: int) -> bytes | None:
    """What the header selects of the first bytes of DATA; None for an unsatisfiable range."""
    try:
        selected = parse(header, size)
    except InvalidRange:
        return None
    if selected is None:
        return DATA[:size]
    assert 0 <= selected.start < selected.stop <= size
    return DATA[:size][selected.start : selected.stop]


@given(numbers, numbers, sizes)
def test_first_and_last(first: int, last: int, size: int) -> None:
    whole = DATA[:size]
    wanted = whole if last < first else whole[first : last + 1] or None
    assert select(f"bytes={first}-{last}", size) == wanted


@given(numbers, sizes)
def test_from_first(first: int, size: int) -> None:
    assert select(f"bytes={first}-", size) == (DATA[:size][first:] or None)


@given(numbers, sizes)
def test_suffix(count: int, size: int) -> None:
    wanted = DATA[:size][-count:] if count else b""
    assert select(f"bytes=-{count}", size) == (wanted or None)


@pytest.mark.parametrize(
    "header",
    ["", "bytes", "bytes=", "bytes=-", "bytes=a-b", "items=0-1", "bytes=0-1,3-4", "bytes=5-2",
     "bytes=0x1-2", "bytes=+1-2", "bytes=1-2-3", "bytes=\u0661-2", f"bytes=0-{'9' * 5000}"],
)  # fmt: skip
def test_what_is_no_single_range_means_the_whole(header: str) -> None:
    assert parse(header, 50) is None


@pytest.mark.parametrize("header", ["bytes=50-", "bytes=50-60", "bytes=-0"])
def test_unsatisfiable(header: str) -> None:
    with pytest.raises(InvalidRange) as caught:
        parse(header, 50)
    assert caught.value.details == {"RangeRequested": header, "ActualObjectSize": "50"}
    assert caught.value.headers == {"content-range": "bytes */50"}


@given(st.text(max_size=20), sizes)
def test_any_text_is_a_range_or_an_s3_error(header: str, size: int) -> None:
    with suppress(S3Error):
        parse(header, size)
    with suppress(S3Error):
        parse_copy(header, size)


def test_content_range() -> None:
    assert content_range(Range(0, 10), 50) == "bytes 0-9/50"
    assert Range(3, 10).length == 7


@given(numbers, numbers, sizes)
def test_copy_range_lies_inside(first: int, last: int, size: int) -> None:
    if first <= last < size:
        assert parse_copy(f"bytes={first}-{last}", size) == Range(first, last + 1)
    else:
        with pytest.raises(InvalidRange if first <= last else InvalidArgument):
            parse_copy(f"bytes={first}-{last}", size)


@pytest.mark.parametrize("header", ["bytes=1-", "bytes=-5", "1-2", "bytes=1-2,4-5"])
def test_copy_range_needs_both_ends(header: str) -> None:
    with pytest.raises(InvalidArgument):
        parse_copy(header, 50)
