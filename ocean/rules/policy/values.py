"""Values of conditions: numbers, dates, addresses and bytes, read from their text. Pure.

Each function returns None for text that is no such value.
"""

import re
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address, ip_network

IPV4 = 1 << 128
"""The number of 0.0.0.0: addresses of IPv4 are numbered after those of IPv6."""

_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_DATE = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})"
    r"(?:T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?P<part>\.[0-9]+)?)?"
    r"(?:Z|(?P<sign>[+-])(?P<hours>[0-9]{2}):(?P<minutes>[0-9]{2})))?)?)?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CIDR = re.compile(r"[0-9A-Fa-f:.]+(?:/[0-9]{1,3})?")


def number(text: str) -> Decimal | None:
    """An integer or a decimal fraction."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


@lru_cache(maxsize=256)
def date(text: str) -> Decimal | None:
    """Seconds since 1970: a date of ISO 8601 as W3C has it, or these seconds; 2026 is a year.

    https://www.w3.org/TR/NOTE-datetime
    """
    found = _DATE.fullmatch(text)
    if found is None:
        return number(text)
    try:
        moment = datetime(
            int(found["year"]),
            int(found["month"] or 1),
            int(found["day"] or 1),
            int(found["hour"] or 0),
            int(found["minute"] or 0),
            int(found["second"] or 0),
            tzinfo=UTC,
        )
    except ValueError:
        return None
    ahead = timedelta(hours=int(found["hours"] or 0), minutes=int(found["minutes"] or 0))
    since = moment - _EPOCH + (ahead if found["sign"] == "-" else -ahead)
    return since // timedelta(seconds=1) + Decimal(found["part"] or 0)


@lru_cache(maxsize=256)
def address(text: str) -> int | None:
    """The number of an IP address; one of IPv4 that is mapped into IPv6 is the former."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        return int(found) if found.ipv4_mapped is None else IPV4 + int(found.ipv4_mapped)
    return IPV4 + int(found)


def network(text: str) -> range | None:
    """The addresses of a range: `203.0.113.0/24`, with any bits after the prefix, or of one."""
    if _CIDR.fullmatch(text) is None:
        return None
    try:
        found = ip_network(text, strict=False)
    except ValueError:
        return None
    size = found.num_addresses
    if isinstance(found, IPv6Network):
        mapped = found.network_address.ipv4_mapped if size <= 1 << 32 else None
        start = int(found.network_address) if mapped is None else IPV4 + int(mapped)
    else:
        start = IPV4 + int(found.network_address)
    return range(start, start + size)


def binary(text: str) -> bytes | None:
    """Bytes in base64."""
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return None
