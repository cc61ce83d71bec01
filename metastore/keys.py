"""Row keys. Pure.

Invariant: within a bucket, rows of `objects` sort as S3 lists keys (UTF-8 byte order); in the
other keyspaces a key's rows stand together, and no key's rows are a prefix of another's.
"""

from struct import Struct

ID_SIZE = 8  # bytes of a bucket id: random, so that buckets spread over the key range
OP_SIZE = 12  # bytes of an operation or edit id: epoch (4), counter (8)

_SEQ = Struct(">Q")
_PART = Struct(">H")
_CHUNK = Struct(">I")
_LAST = 0xFFFFFFFFFFFFFFFF


def object_row(bucket_id: bytes, key: str) -> bytes:
    """Row of a key's Head. The bucket id has a fixed size, so the key needs no escape."""
    return bucket_id + key.encode()


def object_key(row: bytes) -> str:
    """The key of a row of `objects`."""
    return row[ID_SIZE:].decode()


def successor(prefix: bytes) -> bytes | None:
    """The least row key greater than every row key that starts with `prefix`; None: no such."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else None


def escape(key: bytes) -> bytes:
    r"""An order-keeping form that ends in ``\0\0`` and has ``\0\0`` nowhere else."""
    return key.replace(b"\0", b"\0\xff") + b"\0\0"


def unescape(row: bytes, start: int) -> tuple[bytes, int]:
    """The key that was escaped at `start` of a row, and the offset behind it."""
    end = row.index(b"\0\0", start)
    return row[start:end].replace(b"\0\xff", b"\0"), end + 2


def version_rows(bucket_id: bytes, key: str) -> bytes:
    """What all rows of one key in `versions` start with."""
    return bucket_id + escape(key.encode())


def version_row(bucket_id: bytes, key: str, seq: int) -> bytes:
    """Row of a noncurrent version: the seq inverted, so that the newest comes first."""
    return version_rows(bucket_id, key) + _SEQ.pack(_LAST - seq)


def version_of(row: bytes) -> tuple[str, int]:
    """Key and seq of a row of `versions`."""
    key, end = unescape(row, ID_SIZE)
    return key.decode(), _LAST - _SEQ.unpack_from(row, end)[0]


def upload_rows(bucket_id: bytes, key: str) -> bytes:
    """What all rows of one key in `uploads` start with."""
    return bucket_id + escape(key.encode())


def upload_prefix(bucket_id: bytes, prefix: str) -> bytes:
    """What the rows in `uploads` of all keys that start with `prefix` start with."""
    return upload_rows(bucket_id, prefix)[:-2]


def upload_row(bucket_id: bytes, key: str, upload_id: bytes) -> bytes:
    """Row of a multipart upload. Ids begin with the time of initiation: S3 lists by it."""
    return upload_rows(bucket_id, key) + upload_id


def upload_of(row: bytes) -> tuple[str, bytes]:
    """Key and upload id of a row of `uploads`."""
    key, end = unescape(row, ID_SIZE)
    return key.decode(), row[end:]


def part_rows(bucket_id: bytes, upload_id: bytes) -> bytes:
    """What all rows of one upload in `parts` start with."""
    return bucket_id + upload_id


def part_range(bucket_id: bytes, upload_id: bytes) -> tuple[bytes, bytes]:
    """Where the rows of an upload's parts begin, and a row behind them."""
    first = part_rows(bucket_id, upload_id)
    return first, first + b"\xff\xff"


def part_row(bucket_id: bytes, upload_id: bytes, number: int) -> bytes:
    """Row of a part."""
    return bucket_id + upload_id + _PART.pack(number)


def part_number(row: bytes) -> int:
    """The part number of a row of `parts`."""
    number: int = _PART.unpack_from(row, len(row) - 2)[0]
    return number


def manifest_rows(bucket_id: bytes, op: bytes) -> bytes:
    """What all rows of one long manifest start with."""
    return bucket_id + op


def manifest_row(bucket_id: bytes, op: bytes, chunk: int) -> bytes:
    """Row of one chunk of a manifest too long for its Head."""
    return bucket_id + op + _CHUNK.pack(chunk)


def version_id(seq: int, op: bytes) -> str:
    """The version id that clients see: never reused, even after the row was removed."""
    return _SEQ.pack(seq).hex() + op.hex()


def parse_version_id(text: str) -> tuple[int, bytes] | None:
    """Seq and operation id of a version id; None when it was never one of ours."""
    if len(text) != 2 * (8 + OP_SIZE):
        return None
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        return None
    if raw.hex() != text:
        return None
    return _SEQ.unpack_from(raw)[0], raw[8:]
