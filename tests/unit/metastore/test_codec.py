"""Records: bytes and back, as they were ever written, and nothing but Corrupt for anything else."""

import zlib
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from metastore import codec
from metastore.codec import TrashRow, VersionRow
from metastore.engine import Corrupt
from metastore.lifecycle_records import LifecycleFilter, LifecycleRule
from metastore.records import (
    Algorithm,
    Bucket,
    BucketPolicy,
    BucketState,
    Checksum,
    CorsRule,
    DefaultEncryption,
    Encryption,
    EncryptionMode,
    Grant,
    Head,
    Kind,
    Life,
    LifeState,
    Ownership,
    Part,
    Permission,
    PublicAccessBlock,
    Quota,
    Trash,
    Upload,
    UploadState,
    Version,
    Versioning,
)
from metastore.retention_records import BucketLock, LockDefault, Retention, RetentionMode
from metastore.versions import TRASH_BYTES, TRASH_ENTRIES, heavy
from ocean.objects.manifest import INLINE_LIMIT

GOLDEN = Path(__file__).parent / "golden"
OP = bytes(range(12))
OWNER = "ab" * 32

VERSION = Version(
    seq=7,
    op=OP,
    null=False,
    size=123_456_789_012,
    modified_ms=1_700_000_000_123,
    etag=bytes(range(16)),
    parts=3,
    owner=OWNER,
    storage_class=1,
    checksum=Checksum(Algorithm.CRC64NVME, "AAAAAAAAAAA=", composite=False),
    headers={"content-type": "text/plain"},
    metadata={"größe": "groß"},
    tags=(("k", "v"), ("", "\U0001f30a")),
    manifest=b"where the bytes lie",
    upload=b"u" * 20,
)
MARKER = Version(kind=Kind.MARKER, seq=8, op=OP[::-1], owner=OWNER)
TRASH = (Trash(OP, b"manifest"), Trash(b"", seq=4))
RECORDS: dict[str, Any] = {
    "head-object": Head(
        kind=Kind.OBJECT,
        last=7,
        current=VERSION,
        live=((1, 3), (5, 6)),
        null_seq=2,
        trail=(OP, OP[::-1]),
        trash=TRASH,
    ),
    "head-marker": Head(kind=Kind.MARKER, last=8, current=MARKER, trail=(OP,)),
    "head-reference": Head(kind=Kind.REFERENCE, last=9, live=((1, 1),), trail=(OP,)),
    "head-none": Head(last=2, trail=(OP,), trash=TRASH),
    "version": VersionRow(VERSION, (OP,), TRASH),
    "version-none": VersionRow(Version(kind=Kind.NONE, seq=7, op=OP), (OP,)),
    "trash": TrashRow(OP, TRASH),
    "bucket": Bucket(
        name="bucket",
        id=b"bucketid",
        owner=OWNER,
        created_ms=1,
        region="eu-central-1",
        state=BucketState.DELETING,
        versioning=Versioning.SUSPENDED,
        tags=(("k", "v"),),
        cors=(CorsRule(("*",), ("GET",), ("x",), ("etag",), 5, "id"),),
        edit=OP,
    ),
    "upload": Upload(
        id=b"i" * 20,
        key="a/b",
        initiated_ms=2,
        initiator=OWNER,
        draft=VERSION,
        algorithm=Algorithm.SHA256,
        composite=True,
        state=UploadState.COMPLETING,
        op=OP,
        digest=b"d" * 32,
        result=VERSION,
        edit=OP,
        exact=b"e" * 32,
    ),
    "part": Part(
        number=10_000,
        size=5 << 30,
        etag=bytes(16),
        modified_ms=3,
        manifest=b"here",
        checksum=Checksum(Algorithm.SHA1, "c"),
        replaced=(b"there",),
        edit=OP,
        crc=Checksum(Algorithm.CRC64NVME, "d"),
    ),
    "life": Life(epoch=5, beats=77, state=LifeState.ENDED),
}
ACL = (Grant(OWNER, Permission.FULL_CONTROL), Grant("http://group", Permission.READ_ACP))
KMS = Encryption(EncryptionMode.KMS, b"wrapped", "a key", "e30=", bucket_key=True)
FULL = replace(
    VERSION,
    acl=ACL,
    encryption=KMS,
    retention=Retention(RetentionMode.COMPLIANCE, 2**45),
    legal_hold=False,
)
SECOND: dict[str, Any] = {
    "head-object": replace(RECORDS["head-object"], current=FULL),
    "version": VersionRow(replace(VERSION, acl=(), legal_hold=True), (OP,), TRASH),
    "bucket": replace(
        RECORDS["bucket"],
        acl=ACL,
        ownership=Ownership.BUCKET_OWNER_PREFERRED,
        public_access_block=PublicAccessBlock(block_public_acls=True, block_public_policy=True),
        policy=BucketPolicy("{}", (("alice", OWNER),), sealed=True),
        encryption=DefaultEncryption(EncryptionMode.S3, blocks_sse_c=True),
        lock=BucketLock(LockDefault(RetentionMode.GOVERNANCE, years=2)),
        lifecycle=(
            LifecycleRule(
                id="r",
                enabled=True,
                filter=LifecycleFilter(prefix="p", tags=(("k", "v"),), object_size_less_than=9),
                expiration_days=3,
            ),
        ),
        quota=Quota(size=10, objects=2),
        owner_quota=Quota(size=20),
    ),
    "upload": replace(RECORDS["upload"], draft=FULL, result=replace(VERSION, legal_hold=False)),
    "part": replace(RECORDS["part"], salt=OP),
}


def encoded(record: Any) -> bytes:
    match record:
        case Head():
            return codec.encode_head(record)
        case VersionRow():
            return codec.encode_version(record)
        case _:
            return codec.encode(record)


def decoded(kind: type, data: bytes) -> Any:
    if kind is Head:
        return codec.decode_head(data)
    return codec.decode_version(data) if kind is VersionRow else codec.decode(kind, data)


@pytest.mark.parametrize("name", RECORDS)
def test_what_was_ever_written_is_read_as_it_was_meant(name: str) -> None:
    """A release that changes these files cannot read the stores of the one before."""
    golden = (GOLDEN / f"{name}-v1.bin").read_bytes()
    record = RECORDS[name]
    assert decoded(type(record), golden) == record
    assert encoded(record) == golden


@pytest.mark.parametrize("name", SECOND)
def test_what_came_with_format_2(name: str) -> None:
    golden = (GOLDEN / f"{name}-v2.bin").read_bytes()
    record = SECOND[name]
    assert decoded(type(record), golden) == record
    assert encoded(record) == golden


@pytest.mark.parametrize("record", [*RECORDS.values(), *SECOND.values()])
def test_a_change_of_any_byte_is_noticed(record: Any) -> None:
    data = encoded(record)
    for position in range(len(data)):
        wrong = data[:position] + bytes([data[position] ^ 0x10]) + data[position + 1 :]
        with pytest.raises(Corrupt):
            decoded(type(record), wrong)
        with pytest.raises(Corrupt):
            decoded(type(record), data[:position])


@given(st.sampled_from(sorted(RECORDS)), st.randoms(use_true_random=False))
def test_garbage_with_a_right_checksum_is_corrupt_or_a_record(name: str, random: Random) -> None:
    """Whoever can write a row can seal it: then it decodes, or it is Corrupt, nothing else."""
    kind = type(RECORDS[name])
    data = bytearray(encoded(RECORDS[name])[:-4])
    for _ in range(random.randrange(1, 6)):
        data[random.randrange(len(data))] = random.randrange(256)
    del data[random.randrange(len(data)) + 1 :]
    sealed = bytes(data) + zlib.crc32(data).to_bytes(4, "big")
    try:
        record = decoded(kind, sealed)
    except Corrupt:
        return
    assert isinstance(record, kind)


@given(st.sampled_from([Head, VersionRow, TrashRow, Bucket, Upload, Part, Life]), st.binary())
def test_other_garbage_is_corrupt(kind: type, data: bytes) -> None:
    with pytest.raises(Corrupt):
        decoded(kind, data)


names = st.text(max_size=8)
versions = st.builds(
    Version,
    kind=st.sampled_from([Kind.OBJECT, Kind.MARKER]),
    seq=st.integers(0, 2**63),
    op=st.binary(min_size=12, max_size=12),
    null=st.booleans(),
    size=st.integers(0, 2**63),
    modified_ms=st.integers(0, 2**63),
    etag=st.binary(min_size=16, max_size=16),
    parts=st.integers(0, 10_000),
    owner=st.binary(min_size=32, max_size=32).map(bytes.hex),
    checksum=st.none()
    | st.builds(
        Checksum,
        st.sampled_from([a for a in Algorithm if a]),
        names,
        st.booleans(),
    ),
    headers=st.dictionaries(names, names, max_size=3),
    metadata=st.dictionaries(names, names, max_size=3),
    tags=st.lists(st.tuples(names, names), max_size=3).map(tuple),
    manifest=st.binary(max_size=40),
    upload=st.binary(max_size=20),
)
trails = st.lists(st.binary(min_size=12, max_size=12), max_size=8).map(tuple)
trash = st.lists(st.builds(Trash, st.binary(), st.binary(), st.integers(0, 2**40))).map(tuple)


@given(versions, trails, trash)
def test_heads_and_versions_come_back(version: Version, trail: Any, left: Any) -> None:
    head = Head(
        kind=version.kind,
        last=version.seq,
        current=version,
        live=((1, 2),),
        trail=trail,
        trash=left,
    )
    data = codec.encode_head(head)
    assert codec.decode_head(data) == head
    row = VersionRow(version, trail, left)
    assert codec.decode_version(codec.encode_version(row)) == row


PARTS = [
    Part(
        number=number,
        size=number,
        etag=OP,
        modified_ms=0,
        manifest=b"m" * number,
        replaced=(b"m",) * number,
        checksum=Checksum(Algorithm.CRC32, "AAAAAA=="),
    )
    for number in range(1, 6)
]


def test_many_records_are_decoded_as_one_by_one() -> None:
    rows = list(map(codec.encode, PARTS))
    assert codec.decode_all(Part, rows) == PARTS
    assert codec.decode_all(Part, []) == []


@given(st.data())
def test_a_damaged_record_among_many_is_noticed(data: st.DataObject) -> None:
    rows = list(map(codec.encode, PARTS))
    which = data.draw(st.integers(0, len(rows) - 1))
    row = bytearray(rows[which])
    cut = data.draw(st.integers(0, len(row)))
    if cut < len(row) and data.draw(st.booleans()):
        row[cut] ^= data.draw(st.integers(1, 255))
    elif cut:
        del row[-cut:]
    else:
        row = bytearray(
            codec._sealed(data.draw(st.sampled_from([b"", b"\x01", b"\x02", b"\x01\xc0"])))
        )
    rows[which] = bytes(row)
    with pytest.raises(Corrupt):
        codec.decode_all(Part, rows)


@given(versions, trash)
def test_the_summary_is_what_the_record_says(version: Version, left: Any) -> None:
    head = Head(kind=version.kind, last=version.seq, current=version, trash=left)
    data = codec.encode_head(head)
    shown = codec.summary(data)
    assert (shown.seq, shown.size, shown.op) == (version.seq, version.size, version.op)
    assert (shown.etag, shown.parts, bool(shown.null)) == (
        version.etag,
        version.parts,
        version.null,
    )
    assert (shown.modified_ms, shown.owner.hex()) == (version.modified_ms, version.owner)
    assert codec.kind_of(data) == version.kind
    assert codec.has_trash(data) == bool(left)
    assert not codec.has_live(data)


def test_a_head_stays_below_16_kib() -> None:
    """With all that S3 allows in ASCII, the longest manifest, and all the trash it may carry."""
    version = msgspec.structs.replace(
        VERSION,
        headers={"content-disposition": "x" * 1000, "cache-control": "y" * 200},
        metadata={f"k{n}": "v" * 60 for n in range(32)},
        tags=tuple((f"{n}".ljust(128, "t"), "v" * 256) for n in range(10)),
        manifest=b"m" * INLINE_LIMIT,
    )
    head = Head(
        kind=Kind.OBJECT,
        last=10_000,
        current=version,
        live=tuple((n, n) for n in range(0, 200, 2)),
        trail=(OP,) * 8,
        trash=(Trash(OP, b"m" * INLINE_LIMIT), Trash(b"", seq=1)),
    )
    small = tuple(Trash(OP, b"m" * (TRASH_BYTES // TRASH_ENTRIES)) for _ in range(TRASH_ENTRIES))
    assert not heavy(small)
    assert len(codec.encode_head(msgspec.structs.replace(head, trash=small))) <= 16 << 10
    assert len(codec.encode_head(head)) <= 16 << 10
