"""Records to bytes and back. Pure.

A Head and a row of `versions` begin with a fixed summary, so that a listing reads neither
manifests nor metadata: kind and flags (1 byte), format version (1), then the fields of Summary.
Everything else is msgpack behind it, then a CRC-32 of all before, so that a row altered by
anything but a commit is noticed. Invariant: decode(encode(x)) == x, for every format version
that was ever written (golden files in the tests).

A row is written in the oldest format that can hold it, so that gateways of the release before read
what has nothing new in it, and refuse the rest.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from itertools import repeat
from operator import attrgetter
from struct import Struct
from typing import Any, NamedTuple, TypeVar
from zlib import crc32

import msgspec
from msgspec.structs import replace

from metastore.engine import Corrupt
from metastore.records import (
    Algorithm,
    Checksum,
    Encryption,
    Grants,
    Head,
    Kind,
    Ranges,
    Trash,
    Upload,
    Version,
)
from metastore.retention_records import Retention

FORMAT = 2  # the newest
TRASH_FLAG = 0x80
LIVE_FLAG = 0x40  # of Heads: there are noncurrent versions
KIND = 0x0F  # the bits of `Summary.kind` that say what it is
_SHORT = 512  # bytes of a Head that is kept decoded: of 4,096, some 10 MB, at worst 30

# kind and flag, format, seq, size, modified_ms, op, etag, parts, null, storage class,
# checksum algorithm, composite, owner
_SUMMARY = Struct(">BBQQQ12s16sHBBBB32s")
_CRC = Struct(">I")
_KNOWN = frozenset({b"\x01", b"\x02"})  # format bytes
_unpack = _SUMMARY.unpack_from
_new = tuple.__new__  # what _make does, without looking at the length
_NO_SUMMARY = bytes(_SUMMARY.size - 2)


class Summary(NamedTuple):
    """What a listing shows of a version."""

    kind: int
    format: int
    seq: int
    size: int
    modified_ms: int
    op: bytes
    etag: bytes
    parts: int
    null: int
    storage_class: int
    algorithm: int
    composite: int
    owner: bytes


class _More(msgspec.Struct, frozen=True, array_like=True):
    """What came with format 2."""

    acl: Grants | None = None
    encryption: Encryption | None = None
    retention: Retention | None = None
    legal_hold: bool | None = None


class _Details(msgspec.Struct, frozen=True, array_like=True):
    checksum: str
    headers: dict[str, str]
    metadata: dict[str, str]
    tags: tuple[tuple[str, str], ...]
    manifest: bytes
    upload: bytes
    more: _More = _More()


class _Tail(msgspec.Struct, frozen=True, array_like=True):
    last: int
    live: Ranges
    null_seq: int
    trail: tuple[bytes, ...]
    trash: tuple[Trash, ...]
    details: _Details | None


class _VersionTail(msgspec.Struct, frozen=True, array_like=True):
    details: _Details
    trail: tuple[bytes, ...]
    trash: tuple[Trash, ...]


class VersionRow(msgspec.Struct, frozen=True):
    """A row of `versions`: a version, or none with the trash of the one that was deleted."""

    version: Version
    trail: tuple[bytes, ...] = ()
    trash: tuple[Trash, ...] = ()


class TrashRow(msgspec.Struct, frozen=True):
    """Trash that was too much for a Head."""

    edit: bytes
    trash: tuple[Trash, ...]


_encoder = msgspec.msgpack.Encoder()
_encode = _encoder.encode
_decode_tail = msgspec.msgpack.Decoder(_Tail).decode
_decode_version = msgspec.msgpack.Decoder(_VersionTail).decode

T = TypeVar("T")


def summary(data: bytes) -> Summary:
    """The summary of a Head or a row of `versions`; Corrupt."""
    try:
        fields = _new(Summary, _unpack(data))
    except Exception as error:
        raise Corrupt(f"a row of {len(data)} bytes has no summary") from error
    if not 0 < fields.format <= FORMAT:
        raise _unknown(fields.format)
    return fields


def _unknown(version: int) -> Corrupt:
    return Corrupt(f"a row has format {version}; this release knows up to {FORMAT}")


def kind_of(data: bytes) -> int:
    """The kind in the first byte of a Head or a row of `versions`; Corrupt."""
    if not 0 < data[1] <= FORMAT:
        raise _unknown(data[1])
    return data[0] & KIND


@cache
def _since_2(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The fields of a record that format 1 has not, with the values that it need not have."""
    names = getattr(kind, "SINCE_2", ())
    return {f.name: f.default for f in msgspec.structs.fields(kind) if f.name in names}


@cache
def _in_format_1(kind: type[msgspec.Struct]) -> Callable[[Any], bool]:
    """Whether format 1 can hold a record of this kind, but for what lies within."""
    later = _since_2(kind)
    if len(later) < 2:  # of which attrgetter makes no tuple
        return lambda record: all(getattr(record, n) == value for n, value in later.items())
    read, plain = attrgetter(*later), tuple(later.values())
    return lambda record: read(record) == plain


def _format_of(record: msgspec.Struct) -> int:
    """The oldest format that can hold a record."""
    if not _in_format_1(type(record))(record):
        return 2
    return _format_of(record.draft) if type(record) is Upload else 1


def has_trash(data: bytes) -> bool:
    """Whether a Head or a row of `versions` carries trash."""
    return bool(data[0] & TRASH_FLAG)


def has_live(data: bytes) -> bool:
    """Whether a Head names noncurrent versions."""
    return bool(data[0] & LIVE_FLAG)


def _pack_summary(version: Version, kind: int) -> bytes:
    checksum = version.checksum
    return _SUMMARY.pack(
        kind,
        _format_of(version),
        version.seq,
        version.size,
        version.modified_ms,
        version.op,
        version.etag,
        version.parts,
        version.null,
        version.storage_class,
        checksum.algorithm if checksum else 0,
        checksum.composite if checksum else 0,
        bytes.fromhex(version.owner),
    )


def _details(version: Version) -> Any:
    """The fields of a _Details, as many as the version's format has."""
    plain = (
        version.checksum.value if version.checksum else "",
        version.headers,
        version.metadata,
        version.tags,
        version.manifest,
        version.upload,
    )
    if _format_of(version) == 1:
        return plain
    more = _More(version.acl, version.encryption, version.retention, version.legal_hold)
    return (*plain, more)


def _version(fields: Summary, kind: Kind, details: _Details) -> Version:
    checksum = None
    if fields.algorithm:
        checksum = Checksum(Algorithm(fields.algorithm), details.checksum, bool(fields.composite))
    return Version(
        kind=kind,
        seq=fields.seq,
        op=fields.op,
        null=bool(fields.null),
        size=fields.size,
        modified_ms=fields.modified_ms,
        etag=fields.etag,
        parts=fields.parts,
        owner=fields.owner.hex(),
        storage_class=fields.storage_class,
        checksum=checksum,
        headers=details.headers,
        metadata=details.metadata,
        tags=details.tags,
        manifest=details.manifest,
        upload=details.upload,
        acl=details.more.acl,
        encryption=details.more.encryption,
        retention=details.more.retention,
        legal_hold=details.more.legal_hold,
    )


def encode_head(head: Head) -> bytes:
    """The bytes of a Head."""
    kind = head.kind | (TRASH_FLAG if head.trash else 0) | (LIVE_FLAG if head.live else 0)
    current = head.current
    if current is None:
        prefix, details = bytes((kind, 1)) + _NO_SUMMARY, None
    else:
        prefix, details = _pack_summary(current, kind), _details(current)
    tail = _Tail(head.last, head.live, head.null_seq, head.trail, head.trash, details)
    return _sealed(prefix + _encode(tail))


def decode_head(data: bytes) -> Head:
    """The Head in `data`; Corrupt. Of the same bytes it is the same Head, which takes no time."""
    return _known_head(data) if len(data) <= _SHORT else decode_head_once(data)


def decode_head_once(data: bytes) -> Head:
    """The same for who will hardly see these bytes again."""
    fields = summary(data)
    try:
        kind = Kind(fields.kind & KIND)
        tail = _decode_tail(_opened(data)[_SUMMARY.size :])
        current = None if tail.details is None else _version(fields, kind, tail.details)
    except (ValueError, msgspec.MsgspecError) as error:
        raise Corrupt(f"a Head cannot be decoded: {error}") from error
    return Head(
        kind=kind,
        last=tail.last,
        current=current,
        live=tail.live,
        null_seq=tail.null_seq,
        trail=tail.trail,
        trash=tail.trash,
    )


_known_head = lru_cache(maxsize=4096)(decode_head_once)


def encode_version(row: VersionRow) -> bytes:
    """The bytes of a row of `versions`."""
    version = row.version
    kind = version.kind | (TRASH_FLAG if row.trash else 0)
    tail = _VersionTail(_details(version), row.trail, row.trash)
    return _sealed(_pack_summary(version, kind) + _encode(tail))


def decode_version(data: bytes) -> VersionRow:
    """The row of `versions` in `data`; Corrupt."""
    fields = summary(data)
    try:
        kind = Kind(fields.kind & KIND)
        tail = _decode_version(_opened(data)[_SUMMARY.size :])
        version = _version(fields, kind, tail.details)
    except (ValueError, msgspec.MsgspecError) as error:
        raise Corrupt(f"a version cannot be decoded: {error}") from error
    return VersionRow(version, tail.trail, tail.trash)


def encode(record: msgspec.Struct) -> bytes:
    """The bytes of any other record: a format byte, msgpack, a CRC-32."""
    form = _format_of(record)
    return _sealed(bytes((form,)) + _encode(record if form == FORMAT else _of_format_1(record)))


def _of_format_1(record: Any) -> Any:
    """What format 1 has of a record, in its form: fields in order, or by name."""
    if type(record) is Upload:
        result = record.result and _of_format_1(record.result)
        return replace(record, draft=_of_format_1(record.draft), result=result)
    kind: type[msgspec.Struct] = type(record)
    later = _since_2(kind)
    if not later:
        return record
    kept = {n: getattr(record, n) for n in record.__struct_fields__ if n not in later}
    return list(kept.values()) if record.__struct_config__.array_like else kept


def decode(kind: type[T], data: bytes) -> T:
    """The record of type `kind` in `data`; Corrupt."""
    if not data or not 0 < data[0] <= FORMAT:
        found = data[0] if data else "none"
        raise Corrupt(f"a {kind.__name__} has format {found}; this release knows up to {FORMAT}")
    try:
        return msgspec.msgpack.decode(_opened(data)[1:], type=kind)
    except (ValueError, msgspec.MsgspecError) as error:
        raise Corrupt(f"a {kind.__name__} cannot be decoded: {error}") from error


def decode_all(kind: type[T], rows: Sequence[bytes]) -> list[T]:
    """What `decode` gives for each of many rows, in half the time; Corrupt."""
    contents = [row[1:-4] for row in rows]
    first = rows[0][:1] if rows else b""
    sums = Struct(f">{len(rows)}I").pack(*map(crc32, contents, repeat(crc32(first))))
    known = first in _KNOWN and {first}.issuperset([row[:1] for row in rows])
    if known and sums == b"".join([row[-4:] for row in rows]):
        with suppress(ValueError, msgspec.MsgspecError):
            return list(map(msgspec.msgpack.Decoder(kind).decode, contents))
    return [decode(kind, row) for row in rows]  # which says what is wrong


def encode_chunk(data: bytes) -> bytes:
    """The bytes of a row that holds what only its writer reads: a format byte, `data`, a CRC-32."""
    return _sealed(b"\x01" + data)


def decode_chunk(data: bytes) -> bytes:
    """What encode_chunk was given; Corrupt."""
    if data[:1] != b"\x01":
        raise Corrupt(f"a chunk has format {data[:1]!r}; this release knows 1")
    return bytes(_opened(data)[1:])


def _sealed(data: bytes) -> bytes:
    return data + _CRC.pack(crc32(data))


def _opened(data: bytes) -> memoryview:
    content = memoryview(data)[:-4]
    if len(data) < 5 or _CRC.unpack_from(data, len(data) - 4)[0] != crc32(content):
        raise Corrupt(f"a row of {len(data)} bytes fails its checksum")
    return content
