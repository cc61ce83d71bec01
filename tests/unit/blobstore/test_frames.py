"""Framings: what comes out is what went in, at its place, or Corrupt."""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blobstore import frames
from blobstore.base import Corrupt
from blobstore.frames import BLOCK, SEGMENT, Damage, Needle, Scanner

GOLDEN = Path(__file__).parent / "golden"
BODY = bytes((index * 7 + index // 251) % 256 for index in range(2 * SEGMENT + 3 * BLOCK + 17))

items = st.lists(st.tuples(st.binary(max_size=40), st.binary(max_size=300)), max_size=8)


def volume_of(blob: str, puts: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, list[Needle]]:
    volume, needles = b"", []
    for label, data in puts:
        span = frames.needle_span(label, len(data))
        needles.append(Needle(len(volume), span, len(data), label, data))
        volume += b"".join(frames.needle(blob, len(volume), label, data))
    return volume, needles


def scan(blob: str, *pieces: bytes) -> list[Needle | Damage]:
    scanner = Scanner(blob)
    found = [item for piece in pieces for item in scanner.feed(piece)]
    return found + list(scanner.finish())


def segments_of(blob: str, label: bytes, body: bytes) -> tuple[bytes, int]:
    head = frames.segments_head(blob, label)
    whole = head
    for at in range(0, len(body), SEGMENT):
        data = body[at : at + SEGMENT]
        whole += data + frames.table(blob, at // BLOCK, data)
    return whole, len(head)


def read_segments(blob: str, whole: bytes, base: int, size: int, start: int, stop: int) -> bytes:
    out = b""
    for piece in frames.pieces(base, size, start, stop):
        blocks = whole[piece.offset : piece.offset + piece.length]
        checks = whole[piece.table : piece.table + frames.checks_length(piece)]
        data = frames.piece_data(blob, piece, blocks, checks)
        assert 0 < len(data) <= SEGMENT
        out += data
    return out


# ------------------------------------------------------------------------------------- needles


@given(items)
def test_needles_come_back_by_extent_and_by_scan(puts: list[tuple[bytes, bytes]]) -> None:
    volume, needles = volume_of("v", puts)
    for (label, data), needle in zip(puts, needles, strict=True):
        raw = volume[needle.offset : needle.offset + needle.span]
        assert frames.needle_data("v", needle.offset, needle.size, raw) == data
        assert frames.needle_label(raw) == label
    assert scan("v", volume) == needles


@given(items, st.lists(st.integers(0, 2000), max_size=6))
def test_a_scan_does_not_depend_on_how_it_is_fed(
    puts: list[tuple[bytes, bytes]], cuts: list[int]
) -> None:
    volume, _ = volume_of("v", puts)
    volume = volume[: len(volume) * 3 // 4] + b"Ndl\x01" + volume[len(volume) * 3 // 4 :]
    edges = [0, *sorted(min(cut, len(volume)) for cut in cuts), len(volume)]
    pieces = [volume[a:b] for a, b in pairwise(edges)]
    assert scan("v", *pieces) == scan("v", volume)


def test_a_volume_cut_at_every_byte_of_its_last_needle() -> None:
    volume, needles = volume_of("v", [(b"one", b"1" * 500), (b"two", bytes(4096))])
    last = needles[1]
    for end in range(last.offset, len(volume)):
        torn = [Damage(last.offset, end - last.offset)] if end > last.offset else []
        assert scan("v", volume[:end]) == [needles[0], *torn]
        with pytest.raises(Corrupt):
            frames.needle_data("v", last.offset, last.size, volume[last.offset : end])


def test_one_bit_flipped_anywhere_in_a_needle() -> None:
    volume, needles = volume_of("v", [(b"a", b"first"), (b"label", b"the data"), (b"c", b"third")])
    first, middle, third = needles
    for bit in range(middle.offset * 8, (middle.offset + middle.span) * 8):
        bad = bytearray(volume)
        bad[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Corrupt):
            frames.needle_data("v", middle.offset, middle.size, bad[middle.offset : third.offset])
        assert scan("v", bytes(bad)) == [first, Damage(middle.offset, middle.span), third]


def test_a_misplaced_needle_is_corrupt() -> None:
    raw = b"".join(frames.needle("v", 100, b"label", b"data"))
    assert bytes(frames.needle_data("v", 100, 4, raw)) == b"data"
    for blob, offset, size in (("w", 100, 4), ("v", 101, 4), ("v", 100, 3), ("v", 100, 5)):
        with pytest.raises(Corrupt):
            frames.needle_data(blob, offset, size, raw)
    assert scan("v", raw) == [Damage(0, len(raw))]


@given(st.binary(max_size=200), st.integers(0, 300))
def test_garbage_is_only_ever_corrupt(raw: bytes, size: int) -> None:
    with pytest.raises(Corrupt):
        frames.needle_data("v", 0, size, raw)
    with pytest.raises(Corrupt):
        frames.segments_label("v", raw)
    assert scan("v", raw) == ([Damage(0, len(raw))] if raw else [])


def test_labels_have_a_limit() -> None:
    longest = b"x" * frames.LABEL_LIMIT
    volume, needles = volume_of("v", [(longest, b"data")])
    assert scan("v", volume) == needles
    with pytest.raises(ValueError):
        frames.needle("v", 0, longest + b"x", b"")
    with pytest.raises(ValueError):
        frames.segments_head("v", longest + b"x")


# ------------------------------------------------------------------------------------ segments

edges = [0, 1, BLOCK, SEGMENT, SEGMENT + BLOCK, 2 * SEGMENT, len(BODY)]
near = st.builds(
    lambda edge, by: min(max(edge + by, 0), len(BODY)), st.sampled_from(edges), st.integers(-2, 2)
)
place = st.one_of(near, st.integers(0, len(BODY)))


@settings(max_examples=60, deadline=None)
@given(place, place, place)
def test_a_range_of_segments_equals_the_slice(size: int, start: int, stop: int) -> None:
    body = BODY[:size]
    start, stop, _ = slice(start, stop).indices(size)
    whole, base = segments_of("b", b"label", body)
    assert len(whole) == base + frames.segments_span(size)
    assert read_segments("b", whole, base, size, start, stop) == body[start:stop]


def test_a_small_range_reads_only_its_blocks() -> None:
    at = SEGMENT + 5 * BLOCK - 1
    (piece,) = frames.pieces(30, len(BODY), at, at + 2)
    assert piece.length == 2 * BLOCK
    assert piece.offset == 30 + SEGMENT + frames.TABLE + 4 * BLOCK
    assert frames.checks_length(piece) == 8


def test_pieces_of_a_huge_extent_are_made_one_at_a_time() -> None:
    size = 5 << 40
    found = frames.pieces(0, size, 0, size)
    assert next(found).length == SEGMENT
    (last,) = frames.pieces(0, size, size - 1, size)
    assert last.table + frames.checks_length(last) == frames.segments_span(size)


@pytest.mark.parametrize("bit", [0, 7, BLOCK * 8 - 1, BLOCK * 8, (BLOCK + 100) * 8])
def test_one_bit_flipped_in_blocks_or_checks(bit: int) -> None:
    body = BODY[: BLOCK + 100]
    whole, base = segments_of("b", b"", body)
    bad = bytearray(whole)
    bad[base + bit // 8] ^= 1 << bit % 8
    with pytest.raises(Corrupt):
        read_segments("b", bytes(bad), base, len(body), 0, len(body))


def test_blocks_of_another_blob_or_index_are_corrupt() -> None:
    data = BODY[:BLOCK]
    (piece,) = frames.pieces(0, BLOCK, 0, BLOCK)
    assert frames.piece_data("b", piece, data, frames.table("b", 0, data)) == data
    for checks in (frames.table("c", 0, data), frames.table("b", 1, data)):
        with pytest.raises(Corrupt):
            frames.piece_data("b", piece, data, checks)


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_the_label_of_segments(label: bytes, following: bytes) -> None:
    head = frames.segments_head("b", label)
    assert frames.segments_label("b", head + following) == label
    with pytest.raises(Corrupt):
        frames.segments_label("c", head + following)
    for end in range(len(head)):
        with pytest.raises(Corrupt):
            frames.segments_label("b", head[:end])


def test_one_bit_flipped_in_the_head_of_segments() -> None:
    head = frames.segments_head("b", b"label")
    for bit in range(len(head) * 8):
        bad = bytearray(head)
        bad[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Corrupt):
            frames.segments_label("b", bad)


# -------------------------------------------------------------------------------------- golden


def test_golden_needles() -> None:
    """Written by format version 1: must be readable, and be written the same, for ever."""
    written = (GOLDEN / "volume-v1.bin").read_bytes()
    puts = [(b"owner", b"The first needle."), (b"", b""), (b"\x00\xff", bytes(range(256)))]
    volume, needles = volume_of("00000001-000000000002", puts)
    assert scan("00000001-000000000002", written) == needles
    assert written == volume


def test_golden_segments() -> None:
    written = (GOLDEN / "segments-v1.bin").read_bytes()
    blob, body = "00000001-000000000003", bytes(range(256)) * 257
    whole, base = segments_of(blob, b"owner", body)
    assert frames.segments_label(blob, written) == b"owner"
    assert read_segments(blob, written, base, len(body), 0, len(body)) == body
    assert written == whole
