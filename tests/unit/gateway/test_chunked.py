"""aws-chunked bodies: AWS's examples, splits, cuts and tampering."""

from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.chunked import ChunkDecoder, ChunkSigner, declared_trailers, decoder, encode
from gateway.wire.claims import Payload
from gateway.wire.sigv4 import Seed, signing_key
from ocean.errors import (
    IncompleteBody,
    InvalidArgument,
    InvalidChunkSizeError,
    InvalidRequest,
    MalformedTrailerError,
    MissingContentLength,
    S3Error,
    SignatureDoesNotMatch,
)

KEY = signing_key("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20130524", "us-east-1")
SCOPE = "20130524/us-east-1/s3/aws4_request"
CRC = "x-amz-checksum-crc32c"
NAMES = frozenset({CRC})
EXAMPLE = [b"a" * 65536, b"a" * 1024]


Make = Callable[[], ChunkDecoder]
Outcome = type[S3Error] | tuple[bytes, dict[str, str]]


def signer(
    seed: str = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
) -> ChunkSigner:
    return ChunkSigner(Seed(KEY, "20130524T000000Z", SCOPE, seed))


def decode(body: bytes, make: Make, splits: Iterable[int] = ()) -> Outcome:
    """The outcome: the bytes and trailers, or the error."""
    made = make()
    data = bytearray()
    try:
        for start, stop in pairwise((0, *sorted(splits), len(body))):
            for piece in made.feed(body[start:stop]):
                data += piece
        made.close()
    except S3Error as error:
        return type(error)
    return bytes(data), made.trailers


def data_of(body: bytes, make: Make) -> bytes:
    outcome = decode(body, make)
    assert isinstance(outcome, tuple)
    return outcome[0]


def signed(length: int) -> Make:
    return lambda: ChunkDecoder(length, signer=signer())


def signed_trailer(length: int) -> Make:
    return lambda: ChunkDecoder(length, signer=signer(), trailers=NAMES)


def unsigned(length: int) -> Make:
    return lambda: ChunkDecoder(length, trailers=NAMES)


def test_example_of_signed_chunks() -> None:
    """The example of AWS's documentation: its signatures and its length."""
    body = b"".join(encode(EXAMPLE, signer=signer()))
    for signature in (
        b"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        b"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        b"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    ):
        assert signature in body
    assert len(body) == 66824
    assert decode(body, signed(66560)) == (b"a" * 66560, {})


def test_example_of_signed_trailer() -> None:
    """The example of AWS's documentation with a trailer."""
    seed = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
    trailers = {CRC: "sOO8/Q=="}
    body = b"".join(encode(EXAMPLE, signer=signer(seed), trailers=trailers))
    for signature in (
        b"b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
        b"1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
        b"2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
        b"d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435",
    ):
        assert signature in body

    def make() -> ChunkDecoder:
        return ChunkDecoder(66560, signer=signer(seed), trailers=NAMES)

    assert decode(body, make) == (b"a" * 66560, trailers)
    # As minio-go writes it.
    other = body.replace(b"sOO8/Q==\r\n", b"sOO8/Q==\n\r\n")
    assert decode(other, make) == (b"a" * 66560, trailers)


def test_unsigned_by_hand() -> None:
    body = b"5\r\nhello\r\n1\r\n!\r\n0\r\nx-amz-checksum-crc32c:AAAAAA==\r\n\r\n"
    assert decode(body, unsigned(6)) == (b"hello!", {CRC: "AAAAAA=="})


def test_empty_object() -> None:
    assert decode(b"".join(encode([], signer=signer())), signed(0)) == (b"", {})
    assert decode(b"0\r\nx-amz-checksum-crc32c:A\r\n\r\n", unsigned(0)) == (b"", {CRC: "A"})


CHUNKS = [b"x" * 8192, b"yz"]
BODIES = [
    (b"".join(encode(CHUNKS, signer=signer())), signed(8194)),
    (b"".join(encode(CHUNKS, signer=signer(), trailers={CRC: "AA=="})), signed_trailer(8194)),
    (b"".join(encode(CHUNKS, trailers={CRC: "AA=="})), unsigned(8194)),
]
FORMS = pytest.mark.parametrize(("body", "make"), BODIES, ids=["signed", "trailer", "unsigned"])
# Where the framing is; in the middle of the data every place is like the next.
PLACES = [*range(200), *range(8150, 8192 + 600)]


@FORMS
def test_truncated_at_every_byte(body: bytes, make: Make) -> None:
    assert data_of(body, make) == b"".join(CHUNKS)
    for stop in [place for place in PLACES if place < len(body)]:
        assert decode(body[:stop], make) is IncompleteBody


@FORMS
@given(splits=st.data())
def test_any_split_gives_the_same(body: bytes, make: Make, splits: st.DataObject) -> None:
    """Neither an accepted nor a refused body depends on how it was split."""
    places = splits.draw(st.lists(st.sampled_from(PLACES).map(lambda at: min(at, len(body)))))
    for form in (body, body.replace(b"y", b"n"), body.replace(b"0", b"1", 3), body + b"0"):
        assert decode(form, make, places) == decode(form, make)


@FORMS
def test_byte_by_byte(body: bytes, make: Make) -> None:
    assert decode(body, make, range(1, len(body))) == decode(body, make)


@pytest.mark.parametrize(("body", "make"), BODIES[:2], ids=["signed", "trailer"])
def test_every_changed_byte_is_refused(body: bytes, make: Make) -> None:
    for place in [place for place in PLACES if place < len(body)]:
        changed = bytearray(body)
        changed[place] ^= 0x01
        outcome = decode(bytes(changed), make)
        assert isinstance(outcome, type), (place, body[place - 10 : place + 10])


def chunks_of(body: bytes) -> tuple[bytes, bytes, bytes]:
    """The three chunks of a body of 8192 and 2 bytes, and what follows."""
    head = body.index(b"\r\n") + 2
    one = head + 8192 + 2
    two = body.index(b"\r\n", one) + 2 + 2 + 2
    return body[:one], body[one:two], body[two:]


def test_swapped_dropped_and_doubled_chunks() -> None:
    one, two, last = chunks_of(BODIES[0][0])
    make = signed(8194)
    assert data_of(one + two + last, make) == b"".join(CHUNKS)
    assert decode(two + one + last, make) is SignatureDoesNotMatch
    assert decode(one + last, make) is IncompleteBody
    assert decode(one + last, signed(8192)) is SignatureDoesNotMatch
    assert decode(one + two, make) is IncompleteBody
    assert decode(one + two + two + last, make) is IncompleteBody
    assert decode(one + two + two + last, signed(8196)) is InvalidChunkSizeError
    assert decode(one + two + last + last, make) is IncompleteBody
    assert decode(last + one + two, make) is IncompleteBody
    forged = last.replace(b"0;chunk-signature=", b"0;chunk-signature=0")[:-5] + b"\r\n\r\n"
    assert decode(one + two + forged, make) is SignatureDoesNotMatch


@pytest.mark.parametrize("length", [8193, 8195, 0])
@FORMS
def test_other_length(body: bytes, make: Make, length: int) -> None:
    made = make()
    made._remaining = length
    assert decode(body, lambda: made) is IncompleteBody


@pytest.mark.parametrize(
    "header",
    [
        *(b"+5", b"0x5", b" 5", b"5 ", b"-5", b"", b"5;", b"5;a=b", b"5_0", b"\xd9\xa5", b"g"),
        *(b"5;chunk-signature=" + b"0" * 64, b"0" * 17 + b"5", b"0" * 2000, b"5\r"),
    ],
)
def test_sizes_that_are_none(header: bytes) -> None:
    assert decode(header + b"\r\nhello\r\n0\r\n\r\n", unsigned(5)) is IncompleteBody


@pytest.mark.parametrize(
    "body",
    [
        b"5\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"5\r\nhellos\r\n0\r\n\r\n",
        b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    ],
)
def test_framing_is_strict(body: bytes) -> None:
    assert decode(body, unsigned(5)) is IncompleteBody


@pytest.mark.parametrize(
    "trailer",
    [
        b"",
        b"x-amz-checksum-crc32c:A\r\nx-amz-checksum-crc32c:A\r\n",
        b"x-amz-checksum-crc32c:A\r\nX-Amz-Checksum-Crc32c:A\r\n",
        b"x-amz-checksum-crc32c:A\r\nx-amz-meta-a:b\r\n",
        b"x-amz-checksum-sha1:A\r\n",
        b"x-amz-checksum-crc32c:A\n",
        b"x-amz-checksum-crc32c\r\n",
        b"x-amz-checksum-crc32c :A\r\n",
        b"x-amz-checksum-crc32c:\r\n",
        b"x-amz-checksum-crc32c:\xff\r\n",
        b"x-amz-checksum-crc32c:A\r\n folded\r\n",
    ],
)
def test_trailers_that_are_refused(trailer: bytes) -> None:
    assert decode(b"1\r\nx\r\n0\r\n" + trailer + b"\r\n", unsigned(1)) is MalformedTrailerError


def test_undeclared_trailer_is_refused_at_once() -> None:
    """Or a client could make the server keep any number of them."""
    with pytest.raises(MalformedTrailerError):
        unsigned(0)().feed(b"0\r\nx-amz-meta-a:b\r\n")


@FORMS
@pytest.mark.parametrize("excess", [b"0", b"\r\n", b"0\r\n\r\n"])
def test_nothing_follows_the_end(body: bytes, make: Make, excess: bytes) -> None:
    for splits in ((), (len(body),)):
        assert decode(body + excess, make, splits) is IncompleteBody


def test_trailer_of_signed_chunks() -> None:
    body, make = BODIES[1]
    assert decode(body.replace(b"AA==", b"AB=="), make) is SignatureDoesNotMatch
    assert decode(body.replace(b"AA==", b"AA== "), make) == decode(body, make)
    without = body[: body.index(b"x-amz-trailer-signature")] + b"\r\n"
    assert decode(without, make) is IncompleteBody
    assert decode(without + b"\r\n", make) is MalformedTrailerError


def test_small_chunks_only_at_the_end() -> None:
    many = b"".join(encode([b"a", b"b"], signer=signer()))
    assert decode(many, signed(2)) is InvalidChunkSizeError
    assert decode(b"".join(encode([b"a"], signer=signer())), signed(1)) == (b"a", {})


def test_decoder_of_a_request() -> None:
    headers = {"x-amz-decoded-content-length": "1", "x-amz-trailer": CRC}
    seed = Seed(KEY, "20130524T000000Z", SCOPE, "0" * 64)
    assert decoder(Payload.HASHED, {}, None) is None
    assert decoder(Payload.UNSIGNED, {}, None) is None
    for mode in set(Payload) - {Payload.HASHED, Payload.UNSIGNED}:
        assert decoder(mode, headers, seed) is not None
        with pytest.raises(MissingContentLength):
            decoder(mode, {}, seed)
    with pytest.raises(InvalidRequest):
        decoder(Payload.SIGNED_CHUNKS, headers, None)
    for length in ("", "-1", "+1", "1 ", "٣", "9" * 16, "9" * 5000):
        with pytest.raises(InvalidArgument):
            decoder(Payload.SIGNED_CHUNKS, {"x-amz-decoded-content-length": length}, seed)


def test_declared_trailers() -> None:
    assert declared_trailers({}) == frozenset()
    assert declared_trailers({"x-amz-trailer": "A-b, c"}) == {"a-b", "c"}
    for text in ("a,a", "a,,b", "a b", ","):
        with pytest.raises(InvalidArgument):
            declared_trailers({"x-amz-trailer": text})


@given(st.binary(), st.booleans())
def test_garbage(body: bytes, with_signer: bool) -> None:
    """Nothing but an S3 error comes of any bytes."""
    decode(body, (signed_trailer if with_signer else unsigned)(5))
    decode(b"5\r\nhello\r\n0\r\n" + body, unsigned(5))
