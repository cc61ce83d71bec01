"""The kinds of values that a configuration holds beyond TOML's own. Pure.

Invariant: what `str` of a value shows, its type reads back as the same value.
"""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Self

_UNITS = {"": 1, "B": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}
_SIZE = re.compile(r"([0-9]{1,19}) ?([KMGT]IB|B|)", re.IGNORECASE)
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z_.-]{1,253}):([0-9]{1,5})")


class Size(int):
    """A number of bytes: 65536, "65536" or "64KiB" (KiB, MiB, GiB, TiB)."""

    expected = "a size in bytes, such as 65536 or 64KiB"

    @classmethod
    def read(cls, given: object) -> Self:
        """ValueError when `given` is not a size."""
        if isinstance(given, int) and not isinstance(given, bool) and given >= 0:
            return cls(given)
        match = _SIZE.fullmatch(given) if isinstance(given, str) else None
        if match is None:
            raise ValueError(f"got {given!r}")
        return cls(int(match[1]) * _UNITS[match[2].upper()])

    def __str__(self) -> str:
        for unit, name in ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
            if self and self % unit == 0:
                return f"{self // unit}{name}"
        return int.__repr__(self)


class Address(str):
    """Where to listen: HOST:PORT, an IPv6 host in brackets, port 0 for any free one."""

    __slots__ = ()
    expected = "HOST:PORT, such as 127.0.0.1:9000 or [::1]:9000"

    @classmethod
    def read(cls, given: object) -> Self:
        """ValueError when `given` is not an address."""
        match = _ADDRESS.fullmatch(given) if isinstance(given, str) else None
        if match is None or int(match[2]) > 65535:
            raise ValueError(f"got {given!r}")
        return cls(given)

    @property
    def host(self) -> str:
        return self.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.rpartition(":")[2])

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:  # a name: any other may resolve to anything
            return self.host == "localhost"


def revive(kind: type[object], given: object) -> object:
    """msgspec's `dec_hook` for the kinds above, and for paths, which it leaves to us."""
    if issubclass(kind, Path):
        if isinstance(given, str) and given:
            return kind(given)
        raise ValueError(f"got {given!r}")
    if issubclass(kind, Size | Address):
        return kind.read(given)
    raise NotImplementedError(kind)
