"""What lies in memcached: a row, or word that somebody changes it. Pure.

Invariant: decode(encode(row, value), row) is the value; of other rows and altered bytes, nothing.
"""

from hashlib import blake2b
from struct import Struct
from zlib import crc32

from metastore.engine import Table

BARRIER = b"\0"  # a change is under way, or ended in a way that nobody knows
LIMIT = 512 << 10  # bytes of a value; memcached takes 1 MiB at most
_FORMAT = 1
_PRESENT = 1
_HEAD = Struct(">BBH")  # format, present, length of the row's name
_CRC = Struct(">I")  # of all before


class Foreign(Exception):
    """Not the row that was asked for, or not as it was written."""


def name(space: bytes, table: Table, key: bytes) -> bytes:
    """The row's key in memcached: 32 hexadecimal digits, whatever the row's own key is."""
    digest = blake2b(key, digest_size=16, key=space, person=table.value.encode())
    return digest.hexdigest().encode()


def encode(table: Table, key: bytes, value: bytes | None) -> bytes:
    """The entry of a row that has `value`, or is not there."""
    named = row(table, key)
    data = _HEAD.pack(_FORMAT, value is not None, len(named)) + named + (value or b"")
    return data + _CRC.pack(crc32(data))


def decode(table: Table, key: bytes, data: bytes) -> bytes | None:
    """The row's value, or None: it is not there. Foreign."""
    end = len(data) - _CRC.size
    if end < _HEAD.size or _CRC.unpack_from(data, end)[0] != crc32(data[:end]):
        raise Foreign
    form, present, length = _HEAD.unpack_from(data)
    start = _HEAD.size + length
    if form != _FORMAT or data[_HEAD.size : start] != row(table, key):
        raise Foreign
    return data[start:end] if present else None


def row(table: Table, key: bytes) -> bytes:
    """What names a row among those of all tables."""
    return table.value.encode() + b"\0" + key
