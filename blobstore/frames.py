"""How bytes are framed in blobs, every one under a CRC-32C (RFC 3720, appendix B.4). Pure.

Invariant: what is handed out is what was framed under the same blob name at the same place, or
Corrupt is raised: checksums start from name and place, so a misplaced frame fails like a torn one.

All numbers are big-endian. `label` is opaque: it says who owns the bytes, for whoever finds them
without knowing.

    NEEDLE    "Ndl" version:1 label length:2 size:4 | label | check:4 | data | check:4
    SEGMENTS  "Seg" version:1 label length:2 | label | check:4, then segments:
              1 MiB of data | check:4 of each 64 KiB block      (the last one is shorter)

The first check of a needle covers header and label, so that a scan may trust the lengths; the
second carries on from it over the data. (One check over all, the first included, would be the
same for every header: a CRC over bytes and their own CRC is a constant.)
"""

from collections.abc import Iterator
from struct import Struct, pack
from typing import NamedTuple

from awscrt.checksums import crc32c

from blobstore.base import Buffer, Corrupt

VERSION = 1
LABEL_LIMIT = 4096

BLOCK = 1 << 16
SEGMENT = 1 << 20
CHECK = 4
TABLE = SEGMENT // BLOCK * CHECK

_NEEDLE_MAGIC = b"Ndl"
_NEEDLE = Struct(">3sBHI")
_SEGMENTS_MAGIC = b"Seg"
_SEGMENTS = Struct(">3sBH")
_CHECK = Struct(">I")
_INDEX = Struct(">Q")

SEGMENTS_HEAD_LIMIT = _SEGMENTS.size + LABEL_LIMIT + CHECK


def _place(blob: str, offset: int) -> int:
    return crc32c(b"%b@%d" % (blob.encode(), offset))  # type: ignore[no-any-return]


def _refuse_newer(blob: str, offset: int, view: memoryview, magic: bytes) -> None:
    """Corrupt, naming both versions, when this is a frame of another release."""
    if view[: len(magic)] == magic and len(view) > len(magic) and view[len(magic)] != VERSION:
        raise Corrupt(
            f"{blob} has version {view[len(magic)]} at {offset}; this release knows {VERSION}"
        )


def checked_label(label: bytes) -> bytes:
    """`label`, if the format holds it; else ValueError."""
    if len(label) > LABEL_LIMIT:
        raise ValueError(f"a label of {len(label)} bytes; the format holds {LABEL_LIMIT}")
    return label


# ------------------------------------------------------------------------------------- needles


class Needle(NamedTuple):
    """A whole needle in a volume: `span` bytes at `offset`, holding `size` bytes of data.

    A scan gives `data` as well.
    """

    offset: int
    span: int
    size: int
    label: bytes
    data: bytes = b""


class Damage(NamedTuple):
    """Bytes of a volume that are no whole needle; at the end of a volume: a torn tail."""

    offset: int
    span: int


def needle_span(label: bytes, size: int) -> int:
    return _NEEDLE.size + len(label) + CHECK + size + CHECK


def needle(blob: str, offset: int, label: bytes, data: Buffer) -> tuple[bytes, Buffer, bytes]:
    """The needle that lies at `offset` of volume `blob`, in three parts to be joined."""
    head = _NEEDLE.pack(_NEEDLE_MAGIC, VERSION, len(checked_label(label)), len(data)) + label
    check = crc32c(head, _place(blob, offset))
    return head + _CHECK.pack(check), data, _CHECK.pack(crc32c(data, check))


def needle_data(blob: str, offset: int, size: int, raw: Buffer) -> memoryview:
    """The `size` bytes of data in the whole needle `raw`; Corrupt unless every byte is right."""
    view = memoryview(raw)
    last = len(view) - CHECK
    end = last - size - CHECK
    if end < _NEEDLE.size or _NEEDLE.unpack_from(view) != (
        _NEEDLE_MAGIC,
        VERSION,
        end - _NEEDLE.size,
        size,
    ):
        _refuse_newer(blob, offset, view, _NEEDLE_MAGIC)
        raise Corrupt(f"no needle of {size} bytes at {offset} of {blob}")
    check = crc32c(view[:end], _place(blob, offset))
    data = view[end + CHECK : last]
    if _CHECK.unpack_from(view, end) != (check,) or _CHECK.unpack_from(view, last) != (
        crc32c(data, check),
    ):
        raise Corrupt(f"wrong checksum at {offset} of {blob}")
    return data


def needle_label(raw: Buffer) -> bytes:
    """The label of a needle whose data was verified."""
    length = _NEEDLE.unpack_from(raw)[2]
    return bytes(memoryview(raw)[_NEEDLE.size : _NEEDLE.size + length])


class Scanner:
    """Finds the needles of one volume in its bytes, fed in order and in pieces of any size.

    After damage it looks for the next header whose checksum fits its place, so one bad needle
    hides no other. Memory is bounded by one needle and one piece.
    """

    def __init__(self, blob: str) -> None:
        self._blob = blob
        self._buffer = bytearray()
        self._offset = 0  # in the volume, of the first byte of the buffer
        self._damage: int | None = None  # where the damage began that we are in

    def feed(self, data: Buffer) -> Iterator[Needle | Damage]:
        """What can be told for certain, now that `data` is there too."""
        self._buffer += data
        while (found := self._header()) is not None:
            if found.span > len(self._buffer):
                return
            yield from self._judge(found)

    def finish(self) -> Iterator[Needle | Damage]:
        """What is left once the volume has ended."""
        while self._buffer:
            # No whole needle begins here any more: one may still begin behind a false header.
            self._skip(1)
            yield from self.feed(b"")
        if self._damage is not None:
            yield Damage(self._damage, self._offset - self._damage)
            self._damage = None

    def _header(self) -> Needle | None:
        """The next header that is whole and right; None when more bytes are needed to tell."""
        while len(self._buffer) >= _NEEDLE.size:
            magic, version, length, size = _NEEDLE.unpack_from(self._buffer)
            if magic == _NEEDLE_MAGIC and version == VERSION and length <= LABEL_LIMIT:
                end = _NEEDLE.size + length
                if len(self._buffer) < end + CHECK:
                    return None
                if self._check(end) == _CHECK.unpack_from(self._buffer, end)[0]:
                    label = bytes(self._buffer[_NEEDLE.size : end])
                    return Needle(self._offset, needle_span(label, size), size, label)
            self._skip(1)
        return None

    def _check(self, end: int) -> int:
        return crc32c(self._buffer[:end], _place(self._blob, self._offset))  # type: ignore[no-any-return]

    def _skip(self, least: int) -> None:
        """Drop damaged bytes: at least so many, then up to where a header may begin."""
        if self._damage is None:
            self._damage = self._offset
        next_magic = self._buffer.find(_NEEDLE_MAGIC, least)
        if next_magic < 0:  # its first two bytes may be the last two here
            next_magic = max(least, len(self._buffer) - len(_NEEDLE_MAGIC) + 1)
        self._drop(next_magic)

    def _drop(self, count: int) -> None:
        count = min(count, len(self._buffer))
        del self._buffer[:count]
        self._offset += count

    def _judge(self, found: Needle) -> Iterator[Needle | Damage]:
        try:
            raw = self._buffer[: found.span]
            data = bytes(needle_data(self._blob, found.offset, found.size, raw))
        except Corrupt:
            if self._damage is None:
                self._damage = found.offset
            self._drop(found.span)
            return
        if self._damage is not None:
            yield Damage(self._damage, found.offset - self._damage)
            self._damage = None
        self._drop(found.span)
        yield found._replace(data=data)


# ------------------------------------------------------------------------------------ segments


class Piece(NamedTuple):
    """One read within one segment: whole blocks and their checksums."""

    offset: int  # in the blob, of the first block
    length: int  # of the blocks
    table: int  # in the blob, of the checksum of the first block
    first: int  # index of the first block among all of the extent
    start: int  # of the blocks' bytes, those asked for begin here
    stop: int  # and end before here


def segments_head(blob: str, label: bytes) -> bytes:
    """What a blob of segments begins with; the first segment follows it."""
    head = _SEGMENTS.pack(_SEGMENTS_MAGIC, VERSION, len(checked_label(label))) + label
    return head + _CHECK.pack(crc32c(head, _place(blob, 0)))


def segments_label(blob: str, raw: Buffer) -> bytes:
    """The label, from the first SEGMENTS_HEAD_LIMIT bytes of the blob (fewer if it ends before)."""
    view = memoryview(raw)
    if len(view) >= _SEGMENTS.size + CHECK:
        magic, version, length = _SEGMENTS.unpack_from(view)
        end = _SEGMENTS.size + length
        if (
            (magic, version) == (_SEGMENTS_MAGIC, VERSION)
            and len(view) >= end + CHECK
            and _CHECK.unpack_from(view, end) == (crc32c(view[:end], _place(blob, 0)),)
        ):
            return bytes(view[_SEGMENTS.size : end])
    _refuse_newer(blob, 0, view, _SEGMENTS_MAGIC)
    raise Corrupt(f"{blob} does not begin as a blob of segments does")


def segments_span(size: int) -> int:
    """Bytes that `size` bytes take as segments, without the head."""
    return size + CHECK * _blocks(size)


def segments_size(span: int) -> int:
    """Bytes of data in `span` bytes of segments: the inverse of segments_span."""
    full, rest = divmod(span, BLOCK + CHECK)
    return full * BLOCK + max(rest - CHECK, 0)


def table(blob: str, first: int, data: Buffer) -> bytes:
    """The checksums of the blocks of `data`, the first of which has index `first`."""
    view = memoryview(data)
    name = crc32c(blob.encode())
    checks = [
        crc32c(view[at : at + BLOCK], crc32c(_INDEX.pack(first + index), name))
        for index, at in enumerate(range(0, len(view), BLOCK))
    ]
    return pack(f">{len(checks)}I", *checks)


def pieces(offset: int, size: int, start: int, stop: int) -> Iterator[Piece]:
    """The reads for bytes `start` to `stop` of `size` bytes in segments that begin at `offset`."""
    while start < stop:
        segment, within = divmod(start, SEGMENT)
        held = min(SEGMENT, size - segment * SEGMENT)
        until = min(stop - segment * SEGMENT, held)
        low = within // BLOCK * BLOCK
        high = min(_blocks(until) * BLOCK, held)
        physical = offset + segment * (SEGMENT + TABLE)
        yield Piece(
            offset=physical + low,
            length=high - low,
            table=physical + held + _blocks(low) * CHECK,
            first=(segment * SEGMENT + low) // BLOCK,
            start=within - low,
            stop=until - low,
        )
        start = segment * SEGMENT + held


def piece_data(blob: str, piece: Piece, blocks: Buffer, checks: Buffer) -> memoryview:
    """The bytes asked for, out of whole blocks and their checksums; Corrupt if one is wrong."""
    if table(blob, piece.first, blocks) != checks:
        raise Corrupt(f"wrong checksum between {piece.offset} and {piece.table} of {blob}")
    return memoryview(blocks)[piece.start : piece.stop]


def checks_length(piece: Piece) -> int:
    return CHECK * _blocks(piece.length)


def _blocks(size: int) -> int:
    return -(-size // BLOCK)
