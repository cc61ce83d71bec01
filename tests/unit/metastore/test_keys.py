"""Row keys: they sort as S3 lists, tell keys apart, and give back what they were made of."""

from hypothesis import given
from hypothesis import strategies as st

from metastore import keys

names = st.text(st.characters(codec="utf-8"), max_size=12) | st.text("\0\1a/\x7f\U0010ffff")
seqs = st.integers(0, 2**64 - 1)
ids = st.binary(min_size=keys.ID_SIZE, max_size=keys.ID_SIZE)
ops = st.binary(min_size=keys.OP_SIZE, max_size=keys.OP_SIZE)
uploads = st.binary(min_size=20, max_size=20)


@given(ids, names, names)
def test_objects_sort_by_utf_8(bucket: bytes, one: str, other: str) -> None:
    rows = keys.object_row(bucket, one), keys.object_row(bucket, other)
    assert (rows[0] < rows[1]) == (one.encode() < other.encode())
    assert keys.object_key(rows[0]) == one


@given(ids, names, seqs, names, seqs)
def test_versions_stand_by_key_newest_first(
    bucket: bytes, one: str, seq: int, other: str, another: int
) -> None:
    rows = keys.version_row(bucket, one, seq), keys.version_row(bucket, other, another)
    assert (rows[0] < rows[1]) == ((one.encode(), -seq) < (other.encode(), -another))
    assert keys.version_of(rows[0]) == (one, seq)


@given(ids, names, uploads, names, uploads)
def test_uploads_stand_by_key_and_time(
    bucket: bytes, one: str, upload: bytes, other: str, another: bytes
) -> None:
    rows = keys.upload_row(bucket, one, upload), keys.upload_row(bucket, other, another)
    assert (rows[0] < rows[1]) == ((one.encode(), upload) < (other.encode(), another))
    assert keys.upload_of(rows[0]) == (one, upload)


@given(ids, names, names)
def test_no_key_is_a_prefix_of_another(bucket: bytes, one: str, other: str) -> None:
    starts = keys.version_rows(bucket, one), keys.version_rows(bucket, other)
    assert starts[1].startswith(starts[0]) == (one == other)


@given(st.binary(), st.binary())
def test_escaping_keeps_order_and_comes_back(one: bytes, other: bytes) -> None:
    assert (keys.escape(one) < keys.escape(other)) == (one < other)
    assert keys.unescape(b"bucket" + keys.escape(one) + other, 6) == (
        one,
        len(keys.escape(one)) + 6,
    )


@given(st.binary(), st.binary())
def test_the_successor_is_the_least_above_a_prefix(prefix: bytes, row: bytes) -> None:
    successor = keys.successor(prefix)
    if row.startswith(prefix):
        assert successor is None or row < successor
    elif row > prefix:
        assert successor is not None
        assert row >= successor


@given(ids, uploads, st.integers(1, 10_000), st.integers(1, 10_000))
def test_parts_sort_by_number(bucket: bytes, upload: bytes, one: int, other: int) -> None:
    rows = keys.part_row(bucket, upload, one), keys.part_row(bucket, upload, other)
    assert (rows[0] < rows[1]) == (one < other)
    assert keys.part_number(rows[0]) == one


@given(ids, ops, st.integers(0, 1000), st.integers(0, 1000))
def test_chunks_sort_by_number(bucket: bytes, op: bytes, one: int, other: int) -> None:
    rows = keys.manifest_row(bucket, op, one), keys.manifest_row(bucket, op, other)
    assert (rows[0] < rows[1]) == (one < other)


@given(seqs, ops)
def test_version_ids_come_back(seq: int, op: bytes) -> None:
    text = keys.version_id(seq, op)
    assert keys.parse_version_id(text) == (seq, op)
    assert text.upper() == text or keys.parse_version_id(text.upper()) is None


@given(st.text(max_size=45) | st.text("0123456789abcdef ", min_size=40, max_size=40))
def test_nothing_else_is_a_version_id(text: str) -> None:
    parsed = keys.parse_version_id(text)
    assert parsed is None or keys.version_id(*parsed) == text
