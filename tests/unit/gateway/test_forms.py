"""Forms of POST uploads: parsing however it is split, limits, and what is refused."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.wire.forms import MAX_FIELDS, FormDecoder, boundary
from ocean.errors import (
    IncorrectNumberOfFilesInPostRequest,
    InvalidArgument,
    MalformedPOSTRequest,
    MaxPostPreDataLengthExceededError,
    RequestIsNotMultiPartContent,
    S3Error,
)

Outcome = type[S3Error] | tuple[dict[str, str], str | None, bytes]


def part(name: str, value: bytes, extra: str = "") -> bytes:
    head = f'--B\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'
    return head.encode() + value + b"\r\n"


def decode(body: bytes, splits: Iterable[int] = ()) -> Outcome:
    decoder = FormDecoder(b"B")
    content = bytearray()
    try:
        for start, stop in pairwise((0, *sorted(splits), len(body))):
            for piece in decoder.feed(body[start:stop]):
                content += piece
        decoder.close()
    except S3Error as error:
        return type(error)
    return decoder.expanded(), decoder.filename, bytes(content)


FILE = part(
    "file", b"\r\n--A\r\n-\r\n--", '; filename="C:\\photos/a b.jpg"\r\nContent-Type: image/jpeg'
)
FORM = part("Key", b"user/${filename}") + part("acl", "é".encode()) + FILE + b"--B--\r\n"
FIELDS = {"key": "user/a b.jpg", "acl": "é"}
PARSED = (FIELDS, "a b.jpg", b"\r\n--A\r\n-\r\n--")


def test_form() -> None:
    assert decode(FORM) == PARSED
    assert decode(b"\r\n" + FORM) == PARSED
    decoder = FormDecoder(b"B")
    decoder.feed(FORM)
    assert decoder.content_type == "image/jpeg"


def test_what_follows_the_file_is_ignored() -> None:
    assert decode(FORM[: -len(b"--B--\r\n")] + part("submit", b"Go") + b"--B--") == PARSED


@given(st.lists(st.integers(0, len(FORM))))
def test_any_split_gives_the_same(splits: list[int]) -> None:
    """Neither an accepted nor a refused form depends on how it was split."""
    for form in (FORM, FORM.replace(b"form-data", b"file"), FORM.replace(b"--B--", b"--B!!")):
        places = [min(place, len(form)) for place in splits]
        assert decode(form, places) == decode(form)


def test_byte_by_byte() -> None:
    assert decode(FORM, range(1, len(FORM))) == PARSED


def test_truncated_at_every_byte() -> None:
    end = FORM.index(b"--B--") + len(b"--B--")
    for stop in range(end):
        assert decode(FORM[:stop]) is MalformedPOSTRequest


@given(st.binary(max_size=300), st.lists(st.integers(0, 300)))
def test_any_content(content: bytes, splits: list[int]) -> None:
    """Any content without the delimiter comes out as it went in."""
    assume(b"\r\n--B" not in b"\r\n" + content)
    form = part("key", b"k") + part("file", content) + b"--B--"
    assert decode(form, [min(place, len(form)) for place in splits]) == (
        *({"key": "k"}, ""),
        content,
    )


def test_limit_before_the_file() -> None:
    value = b"x" * (MAX_FIELDS - len(part("a", b"")) - len(part("file", b"")) - 2)
    rest = part("file", b"y" * 100_000) + b"--B--"
    assert decode(part("a", value) + rest) == ({"a": value.decode()}, "", b"y" * 100_000)
    for form in (part("a", value + b"xxx") + rest, part("a", b"x" * 2 * MAX_FIELDS)):
        assert decode(form) is MaxPostPreDataLengthExceededError
        assert decode(form, range(0, len(form), 1000)) is MaxPostPreDataLengthExceededError


def test_memory_is_bounded_in_the_file() -> None:
    decoder = FormDecoder(b"B")
    decoder.feed(part("file", b"")[:-2])
    for _ in range(10):
        assert sum(map(len, decoder.feed(b"\r\n--" * 25_000))) > 99_000
        assert len(decoder._buffer) < 10


@pytest.mark.parametrize(
    ("form", "error"),
    [
        (b"", MalformedPOSTRequest),
        (b"preamble" + FORM, MalformedPOSTRequest),
        (b"--B--", IncorrectNumberOfFilesInPostRequest),
        (part("key", b"k") + b"--B--", IncorrectNumberOfFilesInPostRequest),
        (part("key", b"1") + part("Key", b"2") + FORM, InvalidArgument),
        (part("", b"1") + FORM, MalformedPOSTRequest),
        (part("key", b"\xff") + FORM, MalformedPOSTRequest),
        (part("key", b"1", '; name="acl"') + FORM, MalformedPOSTRequest),
        (b"--B\r\nContent-Type: a\r\n\r\n" + FORM, MalformedPOSTRequest),
        (b"--B\r\nno colon\r\n\r\n" + FORM, MalformedPOSTRequest),
        (FORM.replace(b"--B\r\n", b"--B \r\n"), MalformedPOSTRequest),
        (FORM.replace(b"; name=", b"; filename*=x; na me="), MalformedPOSTRequest),
    ],
)
def test_refused(form: bytes, error: type[S3Error]) -> None:
    assert decode(form) is error


@pytest.mark.parametrize(
    "text",
    [
        "multipart/form-data; boundary=B",
        'Multipart/Form-Data; charset=utf-8; boundary="B"',
        "multipart/form-data;boundary=B; charset=utf-8",
    ],
)
def test_boundary(text: str) -> None:
    assert boundary(text) == b"B"


@pytest.mark.parametrize(
    "text",
    [
        *("", "text/plain; boundary=B", "multipart/form-data", "multipart/form-data; boundary="),
        *("multipart/mixed; boundary=B", "multipart/form-data; boundary=" + "B" * 71),
    ],
)
def test_no_boundary(text: str) -> None:
    with pytest.raises(RequestIsNotMultiPartContent):
        boundary(text)


@given(st.binary(), st.text())
def test_garbage(body: bytes, disposition: str) -> None:
    """Nothing but an S3 error comes of any bytes."""
    decode(body)
    decode(b"--B\r\n" + body)
    decode(b"--B\r\nContent-Disposition: form-data" + disposition.encode() + b"\r\n\r\nx\r\n--B--")
