"""Sealed streams: every split and every slice gives the same bytes, and nothing gives others."""

from collections.abc import Sequence
from itertools import pairwise
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ocean.body.cipher import CHUNK, SEALED, Opening, Sealing, Tampered, stream_key, window

DATA_KEY = bytes(range(32))
KEY = stream_key(DATA_KEY, b"operation 12")
OTHERS = (stream_key(DATA_KEY, b"operation 13"), stream_key(bytes(32), b"operation 12"))
CHUNKS = 3
POOL = Random(1).randbytes((CHUNKS + 1) * CHUNK)

edges = st.builds(
    lambda chunks, more: max(chunks * CHUNK + more, 0), st.integers(0, CHUNKS), st.integers(-2, 2)
)
sizes = edges | st.integers(0, CHUNKS * CHUNK)
places = st.lists(edges | st.integers(0, len(POOL)), max_size=6)


def split(data: bytes, at: Sequence[int]) -> list[bytes]:
    cuts = sorted({0, len(data), *(place for place in at if place < len(data))})
    return [data[start:stop] for start, stop in pairwise(cuts)]


def seal(data: bytes, at: Sequence[int] = (), key: bytes = KEY) -> bytes:
    sealing = Sealing(key)
    sealed = b"".join([sealing.feed(piece) for piece in split(data, at)])
    return sealed + sealing.finish()


def opened(
    pieces: Sequence[bytes], size: int, start: int = 0, stop: int | None = None
) -> tuple[bytes, bool]:
    """What is handed out of a range, and whether it was refused to go on."""
    opening = Opening(KEY, size, window(start, size if stop is None else stop, size))
    given = b""
    try:
        for piece in pieces:
            given += opening.feed(piece)
        opening.finish()
    except Tampered:
        return given, True
    return given, False


def refused(sealed: bytes, data: bytes, at: Sequence[int], size: int) -> bool:
    """Whether `sealed` is refused as a stream of `size` bytes, and nothing but `data` given out."""
    given, ended = opened(split(sealed, at), size)
    return ended and data.startswith(given) and len(given) < len(data)


@st.composite
def ranges(draw: st.DrawFn) -> tuple[int, int, int]:
    """A size, and a range within it."""
    size = draw(sizes)
    within = st.integers(0, size) | edges.map(lambda edge: min(edge, size))
    start, stop = sorted((draw(within), draw(within)))
    return size, start, stop


@given(sizes, places)
@example(CHUNK, [CHUNK])
@example(2 * CHUNK, [CHUNK - 1, CHUNK, CHUNK + 1])
def test_sealing_does_not_depend_on_the_split(size: int, at: list[int]) -> None:
    assert seal(POOL[:size], at) == seal(POOL[:size])


@given(ranges(), places)
@example((3 * CHUNK, 0, 3 * CHUNK), [])
@example((3 * CHUNK, 9, CHUNK + 9), [SEALED])
@example((CHUNK + 1, CHUNK, CHUNK + 1), [1])
def test_every_slice_is_that_of_the_plaintext(chosen: tuple[int, int, int], at: list[int]) -> None:
    size, start, stop = chosen
    here = window(start, stop, size)
    sealed = seal(POOL[:size])
    pieces = split(sealed[here.start : here.stop], at)
    assert opened(pieces, size, start, stop) == (POOL[start:stop], False)


@given(ranges(), places, st.integers(0), st.integers(0, 7))
def test_any_flipped_bit_is_refused(
    chosen: tuple[int, int, int], at: list[int], place: int, bit: int
) -> None:
    size, start, stop = chosen
    here = window(start, stop, size)
    altered = bytearray(seal(POOL[:size])[here.start : here.stop])
    if not altered:
        return
    altered[place % len(altered)] ^= 1 << bit
    given, ended = opened(split(bytes(altered), at), size, start, stop)
    assert ended
    assert POOL[start:stop].startswith(given)


@given(
    sizes.filter(bool), places, st.integers(0) | st.sampled_from([n * SEALED for n in (0, 1, 2)])
)
def test_a_stream_that_was_cut_off_is_refused(size: int, at: list[int], place: int) -> None:
    sealed = seal(POOL[:size])
    cut = place % len(sealed)
    assert refused(sealed[:cut], POOL[:size], at, size)


@given(st.integers(1, 2), places)
def test_a_stream_cut_between_chunks_is_refused_though_its_size_be_cut_too(
    left: int, at: list[int]
) -> None:
    sealed = seal(POOL[: CHUNKS * CHUNK])
    assert refused(sealed[: left * SEALED], POOL[: left * CHUNK], at, left * CHUNK)


@given(places, st.integers(1, CHUNK))
def test_a_stream_that_goes_on_is_refused(at: list[int], more: int) -> None:
    data = POOL[:CHUNK]
    longer = seal(data + POOL[CHUNK : CHUNK + more])
    assert refused(seal(data) + longer[SEALED:], POOL[: CHUNK + more], at, CHUNK + more)
    whole, surplus = seal(data), longer[SEALED:]
    assert opened([*split(whole, at), surplus], CHUNK) == (data, True)


@given(st.permutations(range(CHUNKS)), st.integers(1, CHUNK), places)
def test_chunks_in_another_order_are_refused(order: list[int], rest: int, at: list[int]) -> None:
    """The last one may be shorter; all those before it have one size."""
    size = (CHUNKS - 1) * CHUNK + rest
    chunks = split(seal(POOL[:size]), [SEALED, 2 * SEALED])
    if order == sorted(order):
        return
    assert refused(b"".join([chunks[index] for index in order]), POOL[:size], at, size)


@given(st.integers(0, CHUNKS - 1), st.integers(0, CHUNKS), places, st.booleans())
def test_a_chunk_too_few_or_too_many_is_refused(
    which: int, where: int, at: list[int], said: bool
) -> None:
    """Whether or not the size of the stream was made to fit."""
    size = CHUNKS * CHUNK
    chunks = split(seal(POOL[:size]), [SEALED, 2 * SEALED])
    dropped = b"".join([*chunks[:which], *chunks[which + 1 :]])
    assert refused(dropped, POOL[:size], at, size - CHUNK * said)
    repeated = b"".join([*chunks[:where], chunks[which], *chunks[where:]])
    given, ended = opened(split(repeated, at), size + CHUNK * said)
    assert ended
    assert POOL[:size].startswith(given)


@pytest.mark.parametrize("other", OTHERS, ids=["stream", "object"])
@given(st.integers(0, CHUNKS - 1), places)
def test_a_chunk_of_another_stream_is_refused(other: bytes, which: int, at: list[int]) -> None:
    """Of the same object, or of another one; at the very same place."""
    data = POOL[: CHUNKS * CHUNK]
    chunks, foreign = (split(seal(data, key=key), [SEALED, 2 * SEALED]) for key in (KEY, other))
    chunks[which] = foreign[which]
    assert refused(b"".join(chunks), data, at, len(data))
    first = window(which * CHUNK, which * CHUNK + 1, len(data))
    given, ended = opened([foreign[which]], len(data), which * CHUNK, which * CHUNK + first.size)
    assert (given, ended) == (b"", True)
