"""Dates of HTTP, XML and signatures."""

from datetime import UTC, datetime
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire import dates

SECONDS = st.integers(0, 253_402_300_799)  # to the end of the year 9999
CREATED = int(datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 08:49:37 +0000",
    ],
)
def test_forms_of_http(text: str) -> None:
    assert dates.parse_http(text) == CREATED


@pytest.mark.parametrize(
    "text",
    [
        *("", "0", "Sun", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT"),
        *("Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Nov 1994 08:49:37 GMT ", "1994-11-06"),
        "Sun, ٠٦ Nov 1994 08:49:37 GMT",
    ],
)
def test_no_dates_of_http(text: str) -> None:
    assert dates.parse_http(text) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2009-10-12T17:50:30.000Z", 1255369830),
        ("2009-10-12T17:50:30Z", 1255369830),
        ("2009-10-12T19:50:30.5+02:00", 1255369830.5),
        ("2009-10-12", 1255305600),
        ("2009-13-12T17:50:30Z", None),
        ("2009-10-12 17:50:30Z", None),
        ("2009-10-12T17:50:30", None),
    ],
)
def test_iso(text: str, seconds: float | None) -> None:
    assert dates.parse_iso(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "20130524T000000", "20130524T000000Z0", "20131324T000000Z", "2013-05-24T00:00Z"]
)
def test_no_basic_dates(text: str) -> None:
    assert dates.parse_basic(text) is None


@given(SECONDS)
def test_round_trips(seconds: int) -> None:
    """Every form gives back the second that it was made of."""
    assert dates.parse_http(dates.http(seconds)) == seconds
    assert dates.parse_iso(dates.iso(seconds)) == seconds
    assert dates.parse_basic(dates.basic(seconds)) == seconds
    assert dates.http(seconds) == formatdate(seconds, usegmt=True)


@given(st.integers(0, 4_000_000_000_000))
def test_milliseconds(milliseconds: int) -> None:
    """Times kept in milliseconds appear exactly."""
    assert dates.iso(milliseconds / 1000)[-5:-1] == f".{milliseconds % 1000:03}"[:4]


@given(st.text())
def test_garbage(text: str) -> None:
    """No text makes a parser raise."""
    for parse in (dates.parse_http, dates.parse_iso, dates.parse_basic):
        parse(text)
