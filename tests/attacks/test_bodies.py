"""Bodies that are shorter, longer or other than was said: nothing of them is ever visible.

Negative tests for Swift CVE-2026-49017 (a truncated body of chunks loops for ever), Versity
GHSA-v2ch (chunks without a length panic) and MinIO CVE-2021-21390 (the last chunk's signature is
not checked).
"""

import asyncio
import zlib
from base64 import b64encode
from collections.abc import Callable, Sequence
from itertools import chain

import pytest

from gateway.wire import chunked, dates
from gateway.wire.chunked import ChunkSigner
from gateway.wire.claims import Payload
from gateway.wire.sigv4 import Seed
from ocean.config.schema import Limits
from tests.support.inprocess import Answer, InProcess
from tests.support.signing import FORMS, Choices, Headers, by_header

DATA = bytes(range(256)) * 80  # 20 KiB: three chunks of which the last is short
CHUNKS = (DATA[:8192], DATA[8192:16384], DATA[16384:])
CRC32 = b64encode(zlib.crc32(DATA).to_bytes(4, "big")).decode()
TRAILER = {"x-amz-checksum-crc32": CRC32}
MODES = {
    "signed": (Payload.SIGNED_CHUNKS, None),
    "signed-trailer": (Payload.SIGNED_CHUNKS_TRAILER, TRAILER),
    "unsigned-trailer": (Payload.UNSIGNED_CHUNKS_TRAILER, TRAILER),
}
ALL = pytest.mark.parametrize("mode", sorted(MODES))
WITH_TRAILER = pytest.mark.parametrize("mode", ["signed-trailer", "unsigned-trailer"])
SIGNED = pytest.mark.parametrize("mode", ["signed", "signed-trailer"])


async def store() -> InProcess:
    gateway = await InProcess.begin()
    made = FORMS["header"]("PUT", "/bucket", {}, Choices())
    assert (await gateway.ask("PUT", *made)).status == 200
    gateway.touched.clear()
    return gateway


def signed(mode: str, **headers: str) -> tuple[Headers, ChunkSigner | None]:
    """Headers of a PUT in this mode, and what signs its chunks."""
    payload, trailer = MODES[mode]
    sent = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(len(DATA))}
    if trailer is not None:
        sent["x-amz-trailer"] = ",".join(trailer)
    choices = Choices(payload=payload.value).fixed
    made = by_header("PUT", "/bucket/key", sent | headers, choices).headers
    if payload is Payload.UNSIGNED_CHUNKS_TRAILER:
        return made, None
    signature = made["authorization"].rpartition("=")[2]
    seed = Seed(choices.key, dates.basic(choices.moment), choices.scope, signature)
    return made, ChunkSigner(seed)


def pieces(mode: str, signer: ChunkSigner | None, chunks: Sequence[bytes] = CHUNKS) -> list[bytes]:
    """The body as a client sends it: head, data and line end of each chunk, then the trailer."""
    return list(chunked.encode(chunks, signer=signer, trailers=MODES[mode][1]))


async def put(gateway: InProcess, headers: Headers, body: bytes | list[bytes]) -> Answer:
    async with asyncio.timeout(20):  # a decoder that never ends must not hang the tests either
        return await gateway.ask("PUT", "/bucket/key", headers, body)


async def nothing_there(gateway: InProcess) -> None:
    """Assert that no row was written, no key can be read, and no blob is left."""
    assert gateway.touched.written == []
    answer = await gateway.ask("GET", *FORMS["header"]("GET", "/bucket/key", {}, Choices()))
    assert answer.code == "NoSuchKey"
    gateway.touched.clear()


@ALL
async def test_the_body_as_it_should_be(mode: str) -> None:
    gateway = await store()
    headers, signer = signed(mode)
    assert (await put(gateway, headers, b"".join(pieces(mode, signer)))).status == 200
    answer = await gateway.ask("GET", *FORMS["header"]("GET", "/bucket/key", {}, Choices()))
    assert answer.body == DATA
    assert "content-encoding" not in answer.headers


# --- truncated ------------------------------------------------------------------------------------


@pytest.mark.slow
@ALL
async def test_a_body_of_chunks_cut_anywhere(mode: str) -> None:
    gateway = await store()
    headers, signer = signed(mode)
    body = b"".join(pieces(mode, signer))
    inside = range(200, len(body) - 400, 997)  # chunks' data: each of its bytes is like the next
    for size in chain(range(200), inside, range(len(body) - 400, len(body))):
        answer = await put(gateway, headers, body[:size])
        assert answer.status in {400, 403}, (size, answer)
        assert gateway.touched.written == [], size
    await nothing_there(gateway)


@ALL
async def test_a_body_of_chunks_without_its_length(mode: str) -> None:
    gateway = await store()
    headers, signer = signed(mode)
    body = b"".join(pieces(mode, signer))
    for name in ("x-amz-decoded-content-length", "x-amz-trailer"):
        if name not in headers:
            continue
        payload = MODES[mode][0].value
        kept = {"x-amz-decoded-content-length": str(len(DATA)), "x-amz-trailer": "x"}
        del kept[name]
        sent = by_header("PUT", "/bucket/key", kept, Choices(payload=payload)).headers
        assert (await put(gateway, sent, body)).status in {400, 403, 411}
    for length in ("-1", "1.5", "", "x", "9" * 30, str(1 << 53), "٣"):
        sent, _ = signed(mode, **{"x-amz-decoded-content-length": length})
        assert (await put(gateway, sent, body)).status in {400, 403, 411}, length
    await nothing_there(gateway)


@ALL
@pytest.mark.parametrize("difference", [-20_000, -1, 1, 100_000])
async def test_a_decoded_length_that_is_not_the_body_s(mode: str, difference: int) -> None:
    gateway = await store()
    headers, signer = signed(mode, **{"x-amz-decoded-content-length": str(len(DATA) + difference)})
    answer = await put(gateway, headers, b"".join(pieces(mode, signer)))
    assert (answer.status, answer.code) == (400, "IncompleteBody")
    await nothing_there(gateway)


# --- altered --------------------------------------------------------------------------------------

Alteration = Callable[[list[bytes]], list[bytes]]
HEADS = (0, 3, 6, 9)  # where the heads of the chunks are in a list of pieces


def _flip(piece: int, at: int) -> Alteration:
    def altered(body: list[bytes]) -> list[bytes]:
        changed = bytearray(body[piece])
        changed[at] ^= 1
        return [*body[:piece], bytes(changed), *body[piece + 1 :]]

    return altered


CHUNK = 3  # pieces of one
ALTERED: dict[str, Alteration] = {
    **{f"a bit of chunk {n}": _flip(n * CHUNK + 1, 100) for n in range(3)},
    **{f"the signature of chunk {n}": _flip(head, -3) for n, head in enumerate(HEADS)},
    "chunks swapped": lambda body: body[3:6] + body[:3] + body[6:],
    "the last chunk dropped": lambda body: body[:6] + body[9:],
    "the first chunk dropped": lambda body: body[3:],
    "a chunk twice": lambda body: body[:6] + body[3:],
    "the end dropped": lambda body: body[:9],
    "the end twice": lambda body: [*body, *body[9:]],
    "the end first": lambda body: [body[9], *body],
    "more behind the end": lambda body: [*body, b"5\r\nhello\r\n"],
    "signatures taken off": lambda body: [piece.partition(b";")[0] + b"\r\n" if n in HEADS else
                                          piece for n, piece in enumerate(body)],
    "an empty chunk first": lambda body: [body[9], b"\r\n", *body],
    "a signature in capitals": lambda body: [body[0].replace(body[0][15:79],
                                             body[0][15:79].upper() + b"A"), *body[1:]],
    "two signatures": lambda body: [body[0].strip() + b";" + body[0].partition(b";")[2], *body[1:]],
}  # fmt: skip


@SIGNED
@pytest.mark.parametrize("name", sorted(ALTERED))
async def test_altered_chunks(mode: str, name: str) -> None:
    gateway = await store()
    headers, signer = signed(mode)
    body = ALTERED[name](pieces(mode, signer))
    answer = await put(gateway, headers, b"".join(body))
    assert answer.status in {400, 403}, answer
    assert answer.code in {"SignatureDoesNotMatch", "IncompleteBody", "MalformedTrailerError"}
    await nothing_there(gateway)


async def test_chunks_signed_for_another_request() -> None:
    gateway = await store()
    headers, _ = signed("signed")
    _, other = signed("signed", **{"x-amz-meta-other": "1"})
    answer = await put(gateway, headers, b"".join(pieces("signed", other)))
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")
    await nothing_there(gateway)


@pytest.mark.parametrize("form", ["header-v2", "query-v2"])
async def test_signed_chunks_in_a_request_of_sigv2(form: str) -> None:
    """No signature of theirs can be checked, and their framing is not the object."""
    gateway = await store()
    for payload in (
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
        "STREAMING-OTHER",
    ):
        sent = {"x-amz-content-sha256": payload, "x-amz-decoded-content-length": str(len(DATA))}
        target, headers = FORMS[form]("PUT", "/bucket/key", sent, Choices())
        body = b"".join(chunked.encode(CHUNKS, signer=signed("signed")[1]))
        answer = await gateway.ask("PUT", target, headers, body)
        assert answer.status in {400, 501}, answer
        await nothing_there(gateway)


async def test_small_chunks_before_the_last() -> None:
    gateway = await store()
    headers, signer = signed("signed")
    body = pieces("signed", signer, (DATA[:100], DATA[100:]))
    answer = await put(gateway, headers, b"".join(body))
    assert (answer.status, answer.code) == (403, "InvalidChunkSizeError")
    await nothing_there(gateway)


def _trailer(name: str, value: str) -> bytes:
    return f"{name}:{value}\r\n".encode()


TRAILERS = {
    "missing": b"\r\n",
    "another value": _trailer("x-amz-checksum-crc32", "AAAAAA==") + b"\r\n",
    "no base64": _trailer("x-amz-checksum-crc32", "!!!!") + b"\r\n",
    "empty": _trailer("x-amz-checksum-crc32", "") + b"\r\n",
    "another name": _trailer("x-amz-checksum-crc32c", "AAAAAA==") + b"\r\n",
    "twice": _trailer("x-amz-checksum-crc32", CRC32) * 2 + b"\r\n",
    "one more": _trailer("x-amz-checksum-crc32", CRC32) + _trailer("x-amz-acl", "x") + b"\r\n",
    "no end": _trailer("x-amz-checksum-crc32", CRC32),
    "a bare LF": f"x-amz-checksum-crc32:{CRC32}\n\r\n".encode(),
    "NUL": _trailer("x-amz-checksum-crc32", CRC32 + "\0") + b"\r\n",
    "endless": b"x" * 100_000,
}


@WITH_TRAILER
@pytest.mark.parametrize("name", sorted(TRAILERS))
async def test_altered_trailers(mode: str, name: str) -> None:
    gateway = await store()
    headers, signer = signed(mode)
    body = pieces(mode, signer)
    answer = await put(gateway, headers, b"".join([*body[:10], TRAILERS[name]]))
    assert answer.status in {400, 403}, answer
    await nothing_there(gateway)


async def test_a_signed_trailer_altered_in_its_value_name_or_signature() -> None:
    gateway = await store()
    headers, signer = signed("signed-trailer")
    body = pieces("signed-trailer", signer)
    for at in range(len(body[-1]) - 4):
        answer = await put(gateway, headers, b"".join(_flip(len(body) - 1, at)(body)))
        assert answer.status in {400, 403}, (at, answer)
        assert gateway.touched.written == [], at
    await nothing_there(gateway)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-checksum-crc32", "AAAAAA=="),
        ("x-amz-checksum-sha256", "A" * 43 + "="),
        ("x-amz-checksum-crc64nvme", "AAAAAAAAAAA="),
        ("content-md5", "A" * 22 + "=="),
    ],
)
async def test_digests_that_are_not_the_body_s(name: str, value: str) -> None:
    gateway = await store()
    sent = by_header("PUT", "/bucket/key", {name: value}, Choices()).headers
    answer = await put(gateway, sent, DATA)
    assert (answer.status, answer.code) == (400, "BadDigest")
    await nothing_there(gateway)


async def test_a_body_that_is_not_what_its_signature_says() -> None:
    gateway = await store()
    sent = by_header("PUT", "/bucket/key", {}, Choices(payload="0" * 64)).headers
    answer = await put(gateway, sent, DATA)
    assert (answer.status, answer.code) == (400, "XAmzContentSHA256Mismatch")
    await nothing_there(gateway)


# --- over sockets ---------------------------------------------------------------------------------

LARGE = 3 << 20


async def sent(port: int, raw: bytes, then: str = "end") -> bytes:
    """Send, then `end` our side, `reset` the connection or `wait`, and read what comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    await writer.drain()
    if then == "reset":
        await asyncio.sleep(0.05)
        writer.transport.abort()
        return b""
    if then == "end":
        writer.write_eof()
    answer = await asyncio.wait_for(reader.read(-1), 5)
    writer.close()
    return answer


def request(headers: Headers, body: bytes) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return b"PUT /bucket/key HTTP/1.1\r\n" + lines.encode() + b"\r\n" + body


@pytest.mark.slow
@pytest.mark.parametrize("then", ["end", "reset"])
@pytest.mark.parametrize("size", [0, 1, 5000, LARGE - 1])
@pytest.mark.parametrize("way", ["length", "chunked"])
async def test_a_connection_that_ends_in_the_body(way: str, size: int, then: str) -> None:
    gateway = await store()
    headers = by_header("PUT", "/bucket/key", {}, Choices()).headers
    if way == "length":
        raw = request(headers | {"content-length": str(LARGE)}, bytes(size))
    else:
        body = b"%x\r\n" % LARGE + bytes(size)
        raw = request(headers | {"transfer-encoding": "chunked"}, body)
    async with gateway.listening(Limits(body_seconds=2)) as port:
        answer = await sent(port, raw, then)
        await asyncio.sleep(0.1)
    if then == "end":
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"<Code>IncompleteBody</Code>" in answer
    await nothing_there(gateway)
    pool = gateway.ocean.blobs.pools["memory"]
    assert [blob async for blob in pool.list()] == []  # the space is given back


@pytest.mark.slow
async def test_what_follows_a_body_is_the_next_request_and_nothing_else() -> None:
    gateway = await store()
    headers = by_header("PUT", "/bucket/key", {}, Choices()).headers | {"content-length": "5"}
    async with gateway.listening() as port:
        answer = await sent(port, request(headers, b"helloGARBAGE\r\n\r\n"), "wait")
        assert answer.count(b"HTTP/1.1 ") <= 2
        assert b"HTTP/1.1 400" in answer
        both = request(headers, b"hello") + b"GET /bucket HTTP/1.1\r\nHost: x\r\n"
        answer = await sent(port, both + b"Connection: close\r\n\r\n", "wait")
    assert answer.count(b"HTTP/1.1 200 OK") == 1
    assert answer.count(b"HTTP/1.1 403 ") == 1
    answer = (await gateway.ask("GET", *FORMS["header"]("GET", "/bucket/key", {}, Choices()))).body
    assert answer == b"hello"
