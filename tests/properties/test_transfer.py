"""The chunked coding of requests: one outcome for every split, and nothing that llhttp refuses."""

from itertools import pairwise

import httptools
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.wire.transfer import ChunkedReader, Garbled

Outcome = tuple[bytes, bytes] | None  # body and what lies behind it; None: refused or not ended
HEAD = b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
BEHIND = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"

tokens = st.text("!#$%&'*+-.^_`|~09azAZ", min_size=1, max_size=5)
quoted = st.text("\t !#[]az;=\x80\xff", max_size=5).map(lambda text: f'"{text}"')
quoted |= st.sampled_from(['"\\""', '"\\\\"', '"a\\;b"'])
extensions = st.lists(
    st.one_of(tokens, st.tuples(tokens, st.one_of(tokens, quoted)).map("=".join)), max_size=2
).map(lambda names: "".join(f";{name}" for name in names).encode("latin-1"))
sizes = st.sampled_from([b"%x", b"%X", b"0%x", b"0000%x"])
chunks = st.lists(st.tuples(st.binary(min_size=1, max_size=40), sizes, extensions), max_size=4)
fields = st.tuples(tokens, st.text("\t az09:,\x80\xff", max_size=8)).map(
    lambda field: f"x{field[0]}: {field[1]}\r\n".encode("latin-1")
)
trailers = st.lists(fields, max_size=2).map(b"".join)
cuts = st.lists(st.integers(0, 300), max_size=8)


@st.composite
def coded(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A body, and the same in chunks."""
    parts = draw(chunks)
    raw = b"".join(
        form % len(data) + extension + b"\r\n" + data + b"\r\n" for data, form, extension in parts
    )
    raw += b"0" + draw(extensions) + b"\r\n" + draw(trailers) + b"\r\n"
    return b"".join(data for data, _, _ in parts), raw


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Chunks in which a few places are not what they should be."""
    raw = bytearray(draw(coded())[1])
    odd = [b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b";", b"=", b'"', b"\\", b"0", b"f", b"x",
           b":", b"-", b"\x7f", b"\x80", b"5\r\n", b"0\r\n\r\n", b"Content-Length: 5\r\n",
           b"Transfer-Encoding: chunked\r\n", b""]  # fmt: skip
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(raw)))
        raw[at : at + draw(st.integers(0, 3))] = draw(st.sampled_from(odd))
    return bytes(raw)


def read(pieces: list[bytes]) -> Outcome:
    """What the reader makes of a body that comes in these pieces."""
    reader = ChunkedReader()
    body, behind = b"", b""
    try:
        for piece in pieces:
            if reader.ended:
                behind += piece
                continue
            found, behind = reader.feed(piece)
            body += b"".join(found)
    except Garbled:
        return None
    return (body, behind) if reader.ended else None


def split(raw: bytes, at: list[int]) -> list[bytes]:
    """`raw` in pieces, of which some may be empty."""
    ends = [0, *sorted(min(place, len(raw)) for place in at), len(raw)]
    return [raw[start:end] for start, end in pairwise(ends)]


class Oracle:
    """llhttp: the first body that it finds, and whether it found the request behind it."""

    def __init__(self, raw: bytes) -> None:
        self.body = b""
        self.targets: list[bytes] = []
        self.ended = 0
        try:
            httptools.HttpRequestParser(self).feed_data(HEAD + raw)
        except httptools.HttpParserError:
            self.refused = True
        else:
            self.refused = False

    def on_url(self, url: bytes) -> None:
        self.targets.append(url)

    def on_body(self, data: bytes) -> None:
        if not self.ended:
            self.body += data

    def on_message_complete(self) -> None:
        self.ended += 1


@given(coded(), cuts)
def test_what_was_coded_is_read(made: tuple[bytes, bytes], at: list[int]) -> None:
    body, raw = made
    assert read(split(raw + BEHIND, at)) == (body, BEHIND)
    assert read(split(raw[:-1], at)) is None


@given(st.one_of(mutated(), st.binary(max_size=60)), cuts)
def test_the_outcome_does_not_depend_on_the_split(raw: bytes, at: list[int]) -> None:
    whole = read([raw])
    assert read(split(raw, at)) == whole
    assert read([raw[place : place + 1] for place in range(len(raw))]) == whole


@given(mutated())
@example(b"5 \r\nhello\r\n0\r\n\r\n")
@example(b"5 ;a\r\nhello\r\n0\r\n\r\n")
@example(b"5;\r\nhello\r\n0\r\n\r\n")
@example(b"5;a b\r\nhello\r\n0\r\n\r\n")
@example(b"5;\x80\r\nhello\r\n0\r\n\r\n")
@example(b'5;a="\x00"\r\nhello\r\n0\r\n\r\n')
def test_nothing_is_read_otherwise_than_llhttp_does(raw: bytes) -> None:
    """A request is put behind the end that was found, so that any other end shows."""
    found = read([raw])
    if found is None:
        return
    oracle = Oracle(raw.removesuffix(found[1]) + BEHIND)
    assert not oracle.refused
    assert oracle.body == found[0]
    assert (oracle.targets, oracle.ended) == ([b"/", b"/next"], 2)


@given(st.lists(st.integers(0, 8300), max_size=8))
def test_a_line_has_its_limit_however_it_comes(at: list[int]) -> None:
    raw = b"5;" + b"a" * 8186 + b"\r\nhello\r\n0\r\n\r\n"
    assert read(split(raw, at)) == (b"hello", b"")
    assert read(split(b"5;a" + raw[2:], at)) is None
