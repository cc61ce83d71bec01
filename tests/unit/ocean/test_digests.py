"""Digests of bodies, and ETags and checksums of objects made of parts."""

import base64
import binascii
import hashlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocean.body import digests
from ocean.body.digests import CHECKSUMS, CRCS, MD5, SIZES, Digests
from ocean.errors import BadDigest, InvalidDigest, InvalidRequest, S3Error
from ocean.rules import etag

# "123456789" is the check input of the catalogue of CRCs (https://reveng.sourceforge.io/crc-catalogue/).
CHECK = b"123456789"
KNOWN = {
    "CRC32": 0xCBF43926,
    "CRC32C": 0xE3069283,
    "CRC64NVME": 0xAE8B14860A799888,
}
pieces = st.lists(st.binary(max_size=40), max_size=6)


def bitwise_crc(data: bytes, polynomial: int, bits: int) -> int:
    """The reflected CRC of the catalogue, bit by bit."""
    mask = (1 << bits) - 1
    value = mask
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
    return value ^ mask


POLYNOMIALS = {
    "CRC32": (0xEDB88320, 32),
    "CRC32C": (0x82F63B78, 32),
    "CRC64NVME": (0x9A6C9329AC4BC9B5, 64),
}


def reference(name: str, data: bytes) -> bytes:
    if name in CRCS:
        polynomial, bits = POLYNOMIALS[name]
        return bitwise_crc(data, polynomial, bits).to_bytes(bits // 8, "big")
    return hashlib.new(name.lower(), data).digest()


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_check_values(name: str) -> None:
    assert int.from_bytes(digests.digest(name, CHECK), "big") == KNOWN[name]


@given(pieces)
def test_the_split_does_not_matter(parts: list[bytes]) -> None:
    running = Digests((MD5, *CHECKSUMS))
    for part in parts:
        running.feed(memoryview(bytearray(part)))
    whole = b"".join(parts)
    assert running.finish() == {name: reference(name, whole) for name in (MD5, *CHECKSUMS)}
    assert all(len(value) == SIZES[name] for name, value in running.finish().items())


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=6), st.sampled_from(sorted(CRCS)))
def test_a_full_object_checksum_is_that_of_the_whole(parts: list[bytes], name: str) -> None:
    found = etag.full_object(name, [(digests.digest(name, part), len(part)) for part in parts])
    assert found == digests.digest(name, b"".join(parts))


@given(st.lists(st.binary(max_size=9), min_size=1, max_size=6), st.sampled_from(CHECKSUMS))
def test_composites(parts: list[bytes], name: str) -> None:
    each = [reference(name, part) for part in parts]
    value, _, count = etag.composite(name, each).rpartition("-")
    assert (base64.b64decode(value), int(count)) == (reference(name, b"".join(each)), len(parts))
    md5s = [hashlib.md5(part).digest() for part in parts]
    expected = hashlib.md5(b"".join(md5s)).hexdigest()
    assert etag.multipart_etag(md5s) == f"{expected}-{len(parts)}"


def test_the_order_of_parts_matters() -> None:
    one, two = (hashlib.md5(part).digest() for part in (b"1", b"2"))
    assert etag.multipart_etag([one, two]) != etag.multipart_etag([two, one])


@pytest.mark.parametrize("name", CHECKSUMS)
def test_headers_and_values(name: str) -> None:
    value = digests.digest(name, CHECK)
    assert digests.header(name) == f"x-amz-checksum-{name.lower()}"
    assert digests.decode(name, digests.encode(value)) == value
    assert digests.expected({"CRC32": None, name: digests.encode(value)}) == (name, value)
    digests.verify(name, value, value)
    with pytest.raises(BadDigest, match=name):
        digests.verify(name, value, bytes(len(value)))


@pytest.mark.parametrize("text", ["", "a", "====", "not base64!", "AAAA", "\u00e9"])
def test_values_that_are_none(text: str) -> None:
    with pytest.raises(BadDigest, match="x-amz-checksum-sha256"):
        digests.decode("SHA256", text)
    with pytest.raises(InvalidDigest):
        digests.decode_md5(text)


@given(st.text(max_size=50), st.sampled_from(CHECKSUMS))
def test_any_text_is_a_value_or_an_s3_error(text: str, name: str) -> None:
    with suppress(S3Error):
        assert binascii.b2a_base64(digests.decode(name, text)).decode().strip() == text


@given(st.lists(st.binary(min_size=4, max_size=4)), st.text(max_size=8), st.integers(0, 9))
def test_many_values_are_decoded_as_one_by_one(values: list[bytes], text: str, at: int) -> None:
    texts = list(map(digests.encode, values))
    assert digests.decode_all("CRC32", texts) == values
    try:
        value = digests.decode("CRC32", text)
    except BadDigest:
        texts.insert(at, text)
        with pytest.raises(BadDigest):
            digests.decode_all("CRC32", texts)
    else:
        assert digests.decode_all("CRC32", [text]) == [value]


@pytest.mark.parametrize("text", ["", "AAAA", "AAAAAAAA", "AAAAAA==\n", "A", "\u00e9"])
def test_a_value_among_many_that_is_none(text: str) -> None:
    with pytest.raises(BadDigest):
        digests.decode_all("CRC32", ["AAAAAA==", text])


def test_content_md5() -> None:
    value = hashlib.md5(CHECK).digest()
    assert digests.decode_md5(digests.encode(value)) == value
    with pytest.raises(BadDigest) as caught:
        digests.verify(MD5, value, bytes(16))
    assert caught.value.details == {
        "ExpectedDigest": digests.encode(bytes(16)),
        "CalculatedDigest": digests.encode(value),
    }


def test_one_checksum_is_enough() -> None:
    assert digests.expected({}) is None
    with pytest.raises(InvalidRequest, match="single"):
        digests.expected({"CRC32": "AAAAAA==", "SHA1": "AAAAAA=="})


def test_algorithms() -> None:
    assert digests.algorithm("crc64nvme") == "CRC64NVME"
    for text in ("", "MD4", "SHA512"):
        with pytest.raises(InvalidRequest, match="CRC32, CRC32C, CRC64NVME, SHA1, SHA256"):
            digests.algorithm(text)
