"""Dates of HTTP, of S3's XML and of signatures, to and from seconds since 1970. Pure.

Invariant: parsing what was formatted gives the same instant, cut to the unit of the form; text
that is not such a date parses as None.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = {name: number for number, name in enumerate(_MONTHS, 1)}
_TIME = r"(?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})"
_MONTH_NAME = rf"(?P<month>{'|'.join(_MONTHS)})"
# SigV2 clients write "+0000" where RFC 9110 has "GMT"; so do the examples of its documentation.
_ZONE = r"(?:GMT|UTC|[+-]0000)"
_IMF = re.compile(
    rf"(?:[A-Z][a-z]{{2}}, )?(?P<day>[0-9]{{1,2}}) {_MONTH_NAME} (?P<year>[0-9]{{4}}) {_TIME} "
    rf"{_ZONE}"
)
_RFC850 = re.compile(
    rf"[A-Z][a-z]+day, (?P<day>[0-9]{{2}})-{_MONTH_NAME}-(?P<year>[0-9]{{2}}) {_TIME} {_ZONE}"
)
_ASCTIME = re.compile(
    rf"[A-Z][a-z]{{2}} {_MONTH_NAME} (?P<day>[ 0-9][0-9]) {_TIME} (?P<year>[0-9]{{4}})"
)
_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2}))?"
)
_BASIC = re.compile(r"[0-9]{8}T[0-9]{6}Z")


def http(seconds: float) -> str:
    """`Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 5.6.7)."""
    date = datetime.fromtimestamp(int(seconds), UTC)
    return (
        f"{_DAYS[date.weekday()]}, {date.day:02} {_MONTHS[date.month - 1]} {date.year:04} "
        f"{date.hour:02}:{date.minute:02}:{date.second:02} GMT"
    )


def iso(seconds: float) -> str:
    """`2009-10-12T17:50:30.000Z`, as S3 writes in XML, cut to milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat("T", "milliseconds")[:23] + "Z"


def basic(seconds: float) -> str:
    """`20130524T000000Z`, as in x-amz-date."""
    date = datetime.fromtimestamp(int(seconds), UTC)
    return date.isoformat()[:19].replace("-", "").replace(":", "") + "Z"


def parse_http(text: str) -> int | None:
    """Seconds of a date in one of the three forms of RFC 9110; None if it is not one."""
    if match := _IMF.fullmatch(text) or _ASCTIME.fullmatch(text):
        return _seconds(match, int(match["year"]))
    if match := _RFC850.fullmatch(text):
        year = int(match["year"])
        # Two digits: the century that RFC 9110 asks for depends on today; 1970-2069 does not.
        return _seconds(match, year + (2000 if year < 70 else 1900))
    return None


def _seconds(match: re.Match[str], year: int) -> int | None:
    hour, minute, second = match["time"].split(":")
    clock = int(hour), int(minute), min(int(second), 59) if second == "60" else int(second)
    try:
        date = datetime(year, _MONTH[match["month"]], int(match["day"]), *clock, tzinfo=UTC)
    except ValueError:
        return None
    return int(date.timestamp())


def parse_iso(text: str) -> float | None:
    """Seconds of an ISO 8601 date as S3's XML and JSON have it; None if it is not one."""
    if _ISO.fullmatch(text) is None:
        return None
    try:
        date = datetime.fromisoformat(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=256)  # requests come many to a second
def parse_basic(text: str) -> int | None:
    """Seconds of an x-amz-date; None if it is not one."""
    if _BASIC.fullmatch(text) is None:
        return None
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        return None
