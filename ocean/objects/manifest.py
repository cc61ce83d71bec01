"""Manifests: which extents make up a version, part by part. Pure.

A short one lies in the Head; a long one in rows of its own, and the Head keeps where each of
their chunks begins, so that a range or a part is found without reading the rest.
Invariant: the parts of the chunks in a row are the parts that were given.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import astuple

from blobstore.extents import Extent

INLINE_LIMIT = 3 * 1024  # bytes of a manifest that may lie in the Head, which stays under 16 KiB
CHUNK = 128  # parts in one row


class PartEntry(msgspec.Struct, frozen=True, array_like=True):
    """One part as the object keeps it. `number` 0: the object was not uploaded in parts.

    `size` is what clients see; the extents hold more of an encrypted one, under the key that
    `salt` gives (empty: the version's operation id).
    """

    number: int
    size: int
    checksum: str
    extents: tuple[Extent, ...]
    salt: bytes = b""


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """Where a chunk begins: its offset in the object and its first part's number."""

    start: int
    number: int


class Manifest(msgspec.Struct, frozen=True, array_like=True):
    """Either `parts` (all of them), or `marks` of the chunks that hold them."""

    count: int
    parts: tuple[PartEntry, ...] = ()
    marks: tuple[Mark, ...] = ()

    def chunk_at(self, offset: int) -> int:
        """The chunk in which byte `offset` of the object lies."""
        return max(bisect_right(self.marks, offset, key=lambda mark: mark.start) - 1, 0)

    def chunk_of(self, number: int) -> int:
        """The chunk in which part `number` would be."""
        return max(bisect_right(self.marks, number, key=lambda mark: mark.number) - 1, 0)


class StoredPart(NamedTuple):
    """A part as its row has it: `extents` encoded."""

    number: int
    size: int
    checksum: str
    extents: bytes
    salt: bytes = b""


_encode = msgspec.msgpack.Encoder().encode
_decode_manifest = msgspec.msgpack.Decoder(Manifest).decode
_decode_chunk = msgspec.msgpack.Decoder(tuple[PartEntry, ...]).decode
_decode_extents = msgspec.msgpack.Decoder(tuple[Extent, ...]).decode


def encode_extents(extents: Iterable[Extent]) -> bytes:
    """The bytes of a run of extents, as a part's row keeps them."""
    return _encode(tuple(extents))


def decode_extents(data: bytes) -> tuple[Extent, ...]:
    """The extents in `data`."""
    return _decode_extents(data)


def whole(extents: Sequence[Extent], size: int) -> bytes:
    """The manifest of an object that was uploaded in one go."""
    return _encode((1, ((0, size, "", extents),), ())) if extents else b""


def assemble(parts: Iterable[tuple[int, int, str, bytes, bytes]]) -> tuple[bytes, list[bytes]]:
    """The manifest of a completed upload, and the chunks to be stored in rows (or none).

    `parts` are StoredParts, or tuples of the same fields.
    """
    entries = [
        (n, size, checksum, msgspec.Raw(data), salt)
        if salt
        else (n, size, checksum, msgspec.Raw(data))
        for n, size, checksum, data, salt in parts
    ]
    inline = _encode([len(entries), entries, ()])
    if len(inline) <= INLINE_LIMIT:
        return inline, []
    chunks, marks, start = [], [], 0
    for first in range(0, len(entries), CHUNK):
        some = entries[first : first + CHUNK]
        chunks.append(_encode(some))
        marks.append(Mark(start, some[0][0]))
        start += sum([entry[1] for entry in some])
    return _encode(Manifest(len(entries), (), tuple(marks))), chunks


def encode(stored: Manifest) -> bytes:
    """The bytes of a manifest that lies in the Head."""
    return _encode((stored.count, [*map(_fields, stored.parts)], stored.marks))


def encode_chunk(parts: Sequence[PartEntry]) -> bytes:
    """The bytes of one chunk."""
    return _encode([*map(_fields, parts)])


def _fields(part: PartEntry) -> tuple[object, ...]:
    """What is written of a part: no salt where there is none."""
    fields = astuple(part)
    return fields if part.salt else fields[:-1]


def decode(data: bytes) -> Manifest:
    """The manifest in `data`; no data is an object without bytes."""
    return _decode_manifest(data) if data else Manifest(0)


def decode_chunk(data: bytes) -> tuple[PartEntry, ...]:
    """The parts in one chunk."""
    return _decode_chunk(data)
