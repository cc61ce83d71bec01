"""What is on disk: golden files of labels and manifests, and no newer format is ever misread."""

import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec
import pytest

from blobstore import frames
from blobstore.base import Corrupt as BlobCorrupt
from blobstore.extents import Extent, Layout
from blobstore.layout import UnknownFormat, check_format
from gateway.ops.sse import CONTEXT_LIMIT, KEY_ID_LIMIT
from metastore import codec, formats
from metastore.codec import VersionRow
from metastore.engine import Corrupt, EngineError
from metastore.records import (
    Bucket,
    BucketPolicy,
    Encryption,
    EncryptionMode,
    Grant,
    Head,
    Kind,
    Ownership,
    Permission,
    PublicAccessBlock,
    Upload,
    Version,
)
from metastore.retention_records import Retention, RetentionMode
from metastore.sqlite import SqliteEngine
from metastore.sqlite_file import Options
from ocean.objects import label, manifest
from ocean.objects.label import Label
from ocean.objects.manifest import Manifest, Mark, PartEntry, StoredPart
from tests.support.embedded import begun, config_of
from tests.support.server import Server

GOLDEN = Path(__file__).parent / "golden"

BUCKET_ID = bytes(range(8))
OP = bytes(range(100, 112))
UPLOAD = bytes(range(20))
NEEDLE = Extent(Layout.NEEDLE, "volumes", "00000001-000000000002", 77, 4242, 4096)
SEGMENTS = Extent(Layout.SEGMENTS, "blobs", "00000001-000000000003", 60, 1_048_640, 1_048_576)
DRAFT = Version(
    op=OP,
    owner="ab" * 32,
    modified_ms=1_700_000_000_123,
    headers={"content-type": "text/plain; charset=utf-8"},
    metadata={"color": "gr\u00fcn"},
    tags=(("stage", "test"), ("", "")),
)
OBJECT = Label(
    BUCKET_ID,
    "dir/\u00e4\U0001f600",
    OP,
    owner=DRAFT.owner,
    created_ms=DRAFT.modified_ms,
    headers=DRAFT.headers,
    metadata=DRAFT.metadata,
    tags=DRAFT.tags,
    size=4096,
)
PARTS = tuple(PartEntry(n, 5, "", (NEEDLE,) if n % 2 else (SEGMENTS, NEEDLE)) for n in (1, 2, 4))
STORED = [
    StoredPart(n, 5, f"c{n}", manifest.encode_extents((SEGMENTS,) * 2)) for n in range(1, 300)
]
LONG = Manifest(299, (), (Mark(0, 1), Mark(640, 129), Mark(1280, 257)))
CHUNK = tuple(PartEntry(n, 5, f"c{n}", (SEGMENTS,) * 2) for n in range(257, 300))

ENCRYPTION = Encryption(
    EncryptionMode.KMS, bytes(range(90)), "alias/team/a", "eyJhIjoiYiJ9", bucket_key=True
)
SEALED_DRAFT = msgspec.structs.replace(DRAFT, encryption=ENCRYPTION)
SALTED = tuple(msgspec.structs.replace(part, salt=OP) for part in PARTS)

# Bytes as they are written, and what must be read from them, for ever.
CASES: dict[str, tuple[Callable[[], bytes], Callable[[bytes], bool]]] = {
    "label-object-v1.bin": (
        lambda: label.encode(BUCKET_ID, OBJECT.key, DRAFT, 4096),
        lambda data: label.decode(data) == OBJECT,
    ),
    "label-part-v1.bin": (
        lambda: label.encode_part(BUCKET_ID, "key", OP, UPLOAD, 10_000, None, Version()),
        lambda data: label.decode(data) == Label(BUCKET_ID, "key", OP, UPLOAD, 10_000),
    ),
    "manifest-whole-v1.bin": (
        lambda: manifest.whole((SEGMENTS, NEEDLE), 1_052_672),
        lambda data: (
            manifest.decode(data) == Manifest(1, (PartEntry(0, 1_052_672, "", (SEGMENTS, NEEDLE)),))
        ),
    ),
    "manifest-parts-v1.bin": (
        lambda: manifest.encode(Manifest(3, PARTS)),
        lambda data: manifest.decode(data) == Manifest(3, PARTS),
    ),
    "manifest-long-v1.bin": (
        lambda: manifest.assemble(STORED)[0],
        lambda data: manifest.decode(data) == LONG,
    ),
    "manifest-chunk-v1.bin": (
        lambda: manifest.assemble(STORED)[1][2],
        lambda data: manifest.decode_chunk(data) == CHUNK,
    ),
    "label-object-sealed-v1.bin": (
        lambda: label.encode(BUCKET_ID, OBJECT.key, SEALED_DRAFT, 4096),
        lambda data: label.decode(data) == msgspec.structs.replace(OBJECT, encryption=ENCRYPTION),
    ),
    "label-part-sealed-v1.bin": (
        lambda: label.encode_part(BUCKET_ID, "key", OP, UPLOAD, 10_000, 5, SEALED_DRAFT),
        lambda data: (
            label.decode(data)
            == Label(BUCKET_ID, "key", OP, UPLOAD, 10_000, size=5, encryption=ENCRYPTION)
        ),
    ),
    "manifest-parts-sealed-v1.bin": (
        lambda: manifest.encode(Manifest(3, SALTED)),
        lambda data: manifest.decode(data) == Manifest(3, SALTED),
    ),
    "manifest-chunk-sealed-v1.bin": (
        lambda: manifest.assemble([part._replace(salt=OP) for part in STORED])[1][2],
        lambda data: (
            manifest.decode_chunk(data)
            == tuple(msgspec.structs.replace(part, salt=OP) for part in CHUNK)
        ),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_was_written_is_read_and_written_alike(name: str) -> None:
    write, reads = CASES[name]
    golden = (GOLDEN / name).read_bytes()
    assert reads(golden)
    assert write() == golden


def test_a_label_from_before_the_size_was_kept_is_read() -> None:
    """Fields are added at the end only."""
    fields = msgspec.msgpack.decode((GOLDEN / "label-object-v1.bin").read_bytes())
    found = label.decode(msgspec.msgpack.encode(fields[:-1]))
    assert found == msgspec.structs.replace(OBJECT, size=-1)
    later = [None] * (len(Label.__struct_fields__) - len(fields))
    assert label.decode(msgspec.msgpack.encode([*fields, *later, "newer"])) == OBJECT


@pytest.mark.parametrize(
    ("retention", "legal_hold"),
    [(Retention(RetentionMode.COMPLIANCE, 2**45), None), (None, False), (None, True)],
)
def test_a_label_says_the_lock_of_the_write(
    retention: Retention | None, legal_hold: bool | None
) -> None:
    draft = msgspec.structs.replace(DRAFT, retention=retention, legal_hold=legal_hold)
    whole = label.decode(label.encode(BUCKET_ID, "key", draft, 4096))
    part = label.decode(label.encode_part(BUCKET_ID, "key", OP, UPLOAD, 1, 5, draft))
    for found in (whole, part):
        assert found is not None
        assert (found.retention, found.legal_hold) == (retention, legal_hold)


def test_a_label_that_would_not_fit_leaves_out_what_clients_made() -> None:
    draft = msgspec.structs.replace(DRAFT, metadata={"a": "x" * frames.LABEL_LIMIT})
    data = label.encode(BUCKET_ID, "k" * 1024, draft, 1)
    assert len(data) <= frames.LABEL_LIMIT
    found = label.decode(data)
    assert found is not None
    assert (found.key, found.op, found.size, found.metadata) == ("k" * 1024, OP, 1, {})


def test_the_longest_encryption_fits_beside_the_longest_key() -> None:
    """Without it the object could not be read again."""
    longest = Encryption(
        EncryptionMode.KMS, bytes(2 + 128 + 4 + 24 + 48), "k" * KEY_ID_LIMIT, "c" * CONTEXT_LIMIT
    )
    draft = msgspec.structs.replace(DRAFT, encryption=longest, metadata={"a": "x" * 2048})
    for data in (
        label.encode(BUCKET_ID, "k" * 1024, draft, 1 << 40),
        label.encode_part(BUCKET_ID, "k" * 1024, OP, UPLOAD, 10_000, 1 << 40, draft),
    ):
        assert len(data) <= frames.LABEL_LIMIT
        found = label.decode(data)
        assert found is not None
        assert found.encryption == longest


# --------------------------------------------------------------------------------- newer formats


def test_newer_rows_are_refused() -> None:
    head = bytearray(codec.encode_head(Head(current=Version())))
    bucket = codec.encode(Bucket(name="b", id=BUCKET_ID, owner="", created_ms=0))
    assert (bucket[0], head[1]) == (1, 1)
    newer = codec.FORMAT + 1
    head[1] = newer
    for data in (head[:-4], bytes((newer,)) + bucket[1:-4]):
        data = bytes(data) + struct.pack(">I", crc32(data))
        for read in (codec.decode_head, codec.decode_version, lambda d: codec.decode(Bucket, d)):
            with pytest.raises(Corrupt):
                read(data)
    words = f"has format {newer}; this release knows up to {codec.FORMAT}"
    with pytest.raises(Corrupt, match=words):
        codec.decode_head(bytes(head))
    with pytest.raises(Corrupt, match=words):
        codec.decode(Bucket, bytes((newer,)) + bucket[1:])


def test_rows_are_written_in_the_oldest_format_that_holds_them() -> None:
    """So that gateways of the release before read what has nothing new in it."""
    acl = (Grant("ab" * 32, Permission.READ),)
    for version, wanted in ((Version(), 1), (Version(acl=acl), 2), (Version(acl=()), 2)):
        head = Head(kind=Kind.OBJECT, current=version)
        data, row = codec.encode_head(head), codec.encode_version(VersionRow(version))
        assert (data[1], row[1]) == (wanted, wanted)
        assert codec.decode_head_once(data) == head
        assert codec.decode_version(row).version == version
        upload = Upload(id=UPLOAD, key="k", initiated_ms=0, initiator="", draft=version)
        assert codec.encode(upload)[0] == wanted
        assert codec.decode(Upload, codec.encode(upload)) == upload
    plain = Bucket(name="b", id=BUCKET_ID, owner="", created_ms=0)
    changes: list[tuple[dict[str, Any], int]] = [
        ({}, 1),
        ({"acl": ()}, 2),
        ({"ownership": Ownership.OBJECT_WRITER}, 2),
        ({"public_access_block": PublicAccessBlock()}, 2),
        ({"policy": BucketPolicy("{}")}, 2),
    ]
    for change, wanted in changes:
        bucket = msgspec.structs.replace(plain, **change)
        data = codec.encode(bucket)
        assert data[0] == wanted
        assert codec.decode(Bucket, data) == bucket


def test_newer_needles_and_segments_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "VERSION", 2)
    needle = b"".join(map(bytes, frames.needle("v", 5, b"label", b"data")))
    head = frames.segments_head("b", b"label")
    assert bytes(frames.needle_data("v", 5, 4, needle)) == b"data"
    assert frames.segments_label("b", head) == b"label"
    monkeypatch.setattr(frames, "VERSION", 1)
    words = "has version 2 at 5; this release knows 1"
    with pytest.raises(BlobCorrupt, match=words):
        frames.needle_data("v", 5, 4, needle)
    with pytest.raises(BlobCorrupt, match="has version 2 at 0; this release knows 1"):
        frames.segments_label("b", head)
    scanner = frames.Scanner("v")
    found = [*scanner.feed(needle), *scanner.finish()]
    assert [type(one) for one in found] == [frames.Damage]


def newer_blobs(data: Path) -> None:
    (data / "blobs" / "format").write_text("ocean-blobs 2\n")


def newer_metadata(data: Path) -> None:
    with closing(sqlite3.connect(data / "meta" / "ocean.sqlite")) as file:
        file.execute("PRAGMA user_version = 2")


def newer_rows(data: Path) -> None:
    """As in HBase, whose tables have no number of their own."""
    table, key = formats.ROW
    with closing(sqlite3.connect(data / "meta" / "ocean.sqlite")) as file, file:
        number = b"%d" % (codec.FORMAT + 1)
        file.execute(f"INSERT INTO {table.value} VALUES (?, ?)", (key, number))


def test_a_newer_folder_of_blobs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    check_format(tmp_path / "blobs")
    newer_blobs(tmp_path)
    with pytest.raises(UnknownFormat, match="format 2; this release knows up to 1"):
        check_format(tmp_path / "blobs")


async def test_a_newer_metadata_file_is_refused(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    async with begun(config):
        pass
    newer_metadata(config.data)
    path = str(config.data / "meta" / "ocean.sqlite")
    with pytest.raises(EngineError, match="has format 2; this release knows up to 1"):
        SqliteEngine(path, Options(), lambda _failure: None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("newer", "command"),
    [
        *product((newer_blobs, newer_metadata), ("serve", "backup copy", "fsck")),
        *product((newer_rows,), ("serve", "fsck")),  # copies are of files
    ],
)
async def test_commands_on_a_newer_store_say_so(
    tmp_path: Path, newer: Callable[[Path], None], command: str
) -> None:
    server = Server(tmp_path)
    config = msgspec.structs.replace(config_of(tmp_path), data=server.data)
    async with begun(config):
        pass
    newer(server.data)
    done = subprocess.run(  # noqa: ASYNC221
        [sys.executable, "-m", "ocean", *command.split()],
        cwd=tmp_path,
        env=server.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("ocean: ")]
    newest = codec.FORMAT if newer is newer_rows else 1
    assert f"format {newest + 1}; this release knows up to {newest}" in line
    assert done.stdout == ""
