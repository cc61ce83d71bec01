"""Encryption: who has not the key reads nothing, and what is said to be encrypted is so at rest.

Negative test for RustFS GHSA-xrrf: the answer's header said that the object was encrypted, and its
bytes lay on the disk as they came.
"""

import base64
import hashlib
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from blobstore.extents import Extent, Layout, Slice
from gateway.http import Request
from gateway.ops import customerkeys
from metastore.records import Algorithm, Bucket, EncryptionMode, Version
from ocean.body.cipher import SEALED
from ocean.jobs.compact import Compaction
from ocean.objects import manifest
from ocean.objects.encryption import EncryptionRequest, Subject
from ocean.objects.put import Expected, Spool
from ocean.store import Ocean
from tests.support import embedded
from tests.support.documents import ENABLED
from tests.support.embedded import begun, config_of, make_bucket
from tests.support.inprocess import Answer, InProcess
from tests.support.signing import Choices, Headers, by_header
from tests.support.waiting import no_pause

SSE = "x-amz-server-side-encryption"
CUSTOMER = f"{SSE}-customer-"
SOURCE = "x-amz-copy-source-server-side-encryption-customer-"
MARK = b"SECRET plaintext that must be nowhere but in answers. "
SIZES = {"small": 3_000, "large": 300_000}
MODES = ("S3", "KMS", "C")


def body_of(size: int) -> bytes:
    return (MARK * (size // len(MARK) + 1))[:size]


def key_headers(seed: str, prefix: str = CUSTOMER) -> Headers:
    """A client's key, in headers."""
    key = hashlib.sha256(seed.encode()).digest()
    values = (b"AES256", base64.b64encode(key), base64.b64encode(hashlib.md5(key).digest()))
    names = ("algorithm", "key", "key-md5")
    return {f"{prefix}{n}": v.decode() for n, v in zip(names, values, strict=True)}


MINE, OTHER = key_headers("mine"), key_headers("another")
WRITE: dict[str, Headers] = {"S3": {SSE: "AES256"}, "KMS": {SSE: "aws:kms"}, "C": MINE}


class Client:
    """OWNER's requests to a gateway over stores in memory."""

    def __init__(self, gateway: InProcess) -> None:
        self.gateway = gateway
        self.bucket = Bucket(name="", id=b"", owner="", created_ms=0)

    @classmethod
    async def make(cls) -> "Client":
        client = cls(await InProcess.begin())
        await client.right("PUT", "/bucket")
        found = await client.ocean.meta.buckets.find("bucket")
        assert found is not None
        client.bucket = found
        return client

    @property
    def ocean(self) -> Ocean:
        return self.gateway.ocean

    async def ask(
        self, method: str, target: str, headers: Headers | None = None, body: bytes = b""
    ) -> Answer:
        made = by_header(method, target, headers or {}, Choices())
        return await self.gateway.ask(method, *made, body)

    async def right(
        self, method: str, target: str, headers: Headers | None = None, body: bytes = b""
    ) -> Answer:
        answer = await self.ask(method, target, headers, body)
        assert answer.status in {200, 206}, answer
        return answer

    async def read(self, target: str, headers: Headers) -> tuple[bytes, bool]:
        """What is answered to GET as far as it goes, and whether it breaks off."""
        made = by_header("GET", target, headers, Choices())
        request = Request(
            method="GET",
            target=made.target,
            headers=made.headers,
            length=0,
            body=spool(b""),  # type: ignore[arg-type]
            peer="127.0.0.1",
            secure=True,
            proceed=no_pause,
        )
        response = await self.gateway.pipeline.handle(request)
        found = response.body
        try:
            async for piece in response.stream or spool(b""):
                found += bytes(piece)
        except ConnectionAbortedError:
            return found, True
        return found, False

    async def begin(self, key: str, headers: Headers) -> str:
        """The id of an upload."""
        text = (await self.right("POST", f"/bucket/{key}?uploads", headers)).body.decode()
        return text.partition("<UploadId>")[2].partition("</UploadId>")[0]

    async def current(self, key: str) -> Version:
        found = await self.ocean.meta.objects.current(self.bucket.id, key)
        assert found is not None
        return found

    async def alter(self, key: str, change: Callable[[Version], Version]) -> None:
        """What somebody could do who can write the metadata."""
        seq = (await self.current(key)).seq
        assert await self.ocean.meta.objects.relocate(self.bucket.id, key, seq, change)


@pytest.fixture
async def client() -> Client:
    return await Client.make()


# --- another key, or none -------------------------------------------------------------------------

WRONG: list[tuple[Headers, int]] = [
    ({}, 400),
    (OTHER, 403),
    (MINE | {f"{CUSTOMER}key-md5": OTHER[f"{CUSTOMER}key-md5"]}, 400),
    (MINE | {f"{CUSTOMER}key": OTHER[f"{CUSTOMER}key"]}, 400),
    *(({n: v for n, v in MINE.items() if n != missing}, 400) for missing in MINE),
    (MINE | {f"{CUSTOMER}algorithm": "AES128"}, 400),
    ({SSE: "AES256"}, 400),
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("sent", "status"), WRONG)
async def test_reading_without_the_key(
    client: Client, size: str, sent: Headers, status: int
) -> None:
    body = body_of(SIZES[size])
    etag = (await client.right("PUT", "/bucket/key", MINE, body)).headers["etag"]
    reads: list[tuple[str, str, Headers]] = [
        ("GET", "", {}),
        ("HEAD", "", {}),
        ("GET", "", {"range": "bytes=5-9"}),
        ("GET", "", {"range": "bytes=-1"}),
        ("GET", "?partNumber=1", {}),
        ("HEAD", "?partNumber=1", {}),
        ("GET", "", {"if-none-match": etag}),
        ("GET", "", {"if-match": '"0"'}),
        ("GET", "?attributes", {"x-amz-object-attributes": "ETag,ObjectSize,Checksum"}),
    ]
    for method, query, more in reads:
        answer = await client.ask(method, f"/bucket/key{query}", sent | more)
        assert answer.status == status, (method, query, more, answer)
        told = answer.body + str(answer.headers).encode()
        assert MARK[:6] not in told
        assert etag.encode() not in told
    whole = await client.right("GET", "/bucket/key", MINE)
    assert whole.body == body


@pytest.mark.parametrize(("sent", "status"), WRONG[:-1])
async def test_copying_without_the_key_of_the_source(
    client: Client, sent: Headers, status: int
) -> None:
    await client.right("PUT", "/bucket/key", MINE, MARK)
    upload = await client.begin("copy", {})
    client.gateway.touched.clear()
    given = {name.replace(CUSTOMER, SOURCE): value for name, value in sent.items()}
    for query in ("", f"?partNumber=1&uploadId={upload}"):
        headers = {"x-amz-copy-source": "/bucket/key", **given}
        answer = await client.ask("PUT", f"/bucket/copy{query}", headers)
        assert answer.status == status
        assert client.gateway.touched.written == []
        assert "append" not in client.gateway.touched.blobs


@pytest.mark.parametrize(("sent", "status"), WRONG)
async def test_parts_of_an_upload_under_another_key(
    client: Client, sent: Headers, status: int
) -> None:
    await client.right("PUT", "/bucket/plain", {}, MARK)
    upload = await client.begin("key", MINE)
    client.gateway.touched.clear()
    query = f"?partNumber=1&uploadId={upload}"
    for more, body in (({}, MARK), ({"x-amz-copy-source": "/bucket/plain"}, b"")):
        answer = await client.ask("PUT", f"/bucket/key{query}", sent | more, body)
        assert answer.status == 400, "and never 403: it is no secret that the upload is there"
        assert client.gateway.touched.written == []
        assert client.gateway.touched.taken == 0
    document = (
        b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part>"
        b"</CompleteMultipartUpload>"
    )
    answer = await client.ask("POST", f"/bucket/key?uploadId={upload}", sent, document)
    looked = not sent  # no key is asked for, so the part is what is missing
    assert (answer.status, answer.code == "InvalidPart") == (400, looked)


async def test_a_key_is_in_no_log_and_no_error(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    customerkeys._warn_of_plain_http.cache_clear()
    await client.right("PUT", "/bucket/key", MINE, MARK)
    answers = [await client.ask("GET", "/bucket/key", sent) for sent in (MINE, OTHER, {})]
    await client.alter("key", lambda version: replace(version, size=10**6))
    answers.append(await client.ask("GET", "/bucket/key", MINE))
    shown = caplog.text + "".join(
        f"{answer.headers} {answer.body!r}" for answer in answers if answer.status >= 400
    )
    for headers in (MINE, OTHER):
        text = headers[f"{CUSTOMER}key"]
        assert text not in shown
        assert base64.b64decode(text).hex() not in shown
    assert "plain HTTP" in caplog.text
    assert caplog.text.count("plain HTTP") == 1, "which is said once"


# --- what lies at rest ----------------------------------------------------------------------------


def requests(seed: bytes) -> dict[str, EncryptionRequest]:
    return {
        "S3": EncryptionRequest(EncryptionMode.S3),
        "KMS": EncryptionRequest(EncryptionMode.KMS, context="e30="),
        "C": EncryptionRequest(EncryptionMode.C, customer_key=hashlib.sha256(seed).digest()),
    }


async def spool(data: bytes) -> AsyncIterator[bytes | memoryview]:
    for start in range(0, len(data), 100_000):
        yield data[start : start + 100_000]


async def uploaded(ocean: Ocean, bucket: Bucket, key: str, encrypt: EncryptionRequest) -> Version:
    """An object of one part, which was sent twice, so that what was replaced lies there, too."""
    verbs = ocean.multipart
    upload_id = await verbs.create(
        bucket,
        key,
        Version(owner=bucket.owner),
        initiator=bucket.owner,
        algorithm=Algorithm.NONE,
        composite=False,
        encrypt=encrypt,
    )
    upload = await verbs.find(bucket, key, upload_id)
    assert upload.draft.encryption is not None
    cipher = await ocean.ciphers.opened(
        upload.draft.encryption, Subject.of_upload(bucket.id, upload), encrypt.customer_key
    )
    for size in (SIZES["small"], SIZES["large"]):
        data = body_of(size)
        body = Spool(spool(data), len(data))
        part = await verbs.upload_part(bucket, upload, 1, body, Expected(), cipher)
    return await verbs.complete(
        bucket,
        upload,
        [(1, part.etag.hex(), "")],
        expected=None,
        size=None,
        guard=lambda _current: None,
    )


async def content(ocean: Ocean, bucket: Bucket, key: str, customer_key: bytes) -> bytes:
    version = await ocean.get.version(bucket, key, None)
    assert version.encryption is not None
    subject = Subject.of(bucket.id, key, version)
    cipher = await ocean.ciphers.opened(version.encryption, subject, customer_key)
    pieces = ocean.get.stream(bucket, key, version, 0, version.size, cipher)
    return b"".join([bytes(piece) async for piece in pieces])


def found_in(folder: Path, words: bytes) -> list[str]:
    """The files that hold these words, be it cut by a frame."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if words in path.read_bytes()]


async def test_plaintext_is_nowhere_on_the_disk(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In no blob, no volume, not in the metadata nor its log, nor after compaction."""
    caplog.set_level(logging.DEBUG)
    config = config_of(tmp_path)
    asked = requests(b"mine")
    async with begun(config) as ocean:
        bucket = await make_bucket(ocean, "bucket")
        await embedded.put(ocean, bucket, "plain", body_of(SIZES["small"]))
        assert found_in(config.data, MARK), "of a plain object the search finds it"
        version = await ocean.get.version(bucket, "plain", None)
        extent = manifest.decode(version.manifest).parts[0].extents[0]
        await ocean.delete(bucket, "plain", None, lambda _current: None)
        (volume,) = [place async for place in ocean.blobs.list("volumes")]
        assert extent.place == volume
        ocean.blobs.partitions["local"].volumes.seal()
        await ocean.blobs.delete_blob(volume)
        assert not found_in(config.data, MARK)

        for mode, encrypt in asked.items():
            for name, size in SIZES.items():
                data, draft = body_of(size), Version(owner=bucket.owner)
                for known in (size, None):
                    await ocean.put(
                        bucket,
                        f"{mode}-{name}",
                        draft,
                        Spool(spool(data), known),
                        expected=Expected(),
                        guard=lambda _current: None,
                        encrypt=encrypt,
                    )
            await uploaded(ocean, bucket, f"{mode}-parts", encrypt)
        compaction = Compaction(ocean.meta, ocean.blobs, ocean.inflight)
        for round_ in range(2):
            assert not found_in(tmp_path, MARK[:20]), round_
            for mode, encrypt in asked.items():
                for name, size in {**SIZES, "parts": SIZES["large"]}.items():
                    found = await content(ocean, bucket, f"{mode}-{name}", encrypt.customer_key)
                    assert found == body_of(size)
            ocean.blobs.partitions["local"].volumes.seal()
            for place in [place async for place in ocean.blobs.sealed("volumes")]:
                assert await compaction.volume(place, fence=False, pause=no_pause, live=1)
        for encrypt in asked.values():
            if encrypt.customer_key:
                assert not found_in(tmp_path, encrypt.customer_key)
    assert not found_in(tmp_path, MARK[:20]), "when the metadata is closed"
    assert MARK[:20].decode() not in caplog.text


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [*SIZES.values(), 0])
async def test_a_header_that_says_encrypted_means_bytes_that_are(
    client: Client, mode: str, size: int
) -> None:
    """Of every way to write: the bytes that the row names are not those that were sent."""
    body = body_of(size)
    await client.right("PUT", "/bucket/source", {}, body)
    copied = {"x-amz-copy-source": "/bucket/source"}
    await client.right("PUT", "/bucket/put", WRITE[mode], body)
    await client.right("PUT", "/bucket/copy", WRITE[mode] | copied)
    upload = await client.begin("parts", WRITE[mode])
    again = WRITE[mode] if mode == "C" else {}
    query = f"?partNumber=1&uploadId={upload}"
    tag = (await client.right("PUT", f"/bucket/parts{query}", again, body)).headers["etag"]
    document = (
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
        f"<ETag>{tag}</ETag></Part></CompleteMultipartUpload>"
    )
    await client.right("POST", f"/bucket/parts?uploadId={upload}", again, document.encode())
    for key in ("put", "copy", "parts"):
        answer = await client.right("GET", f"/bucket/{key}", again)
        assert answer.body == body
        assert any(name.startswith(SSE) for name in answer.headers)
        version = await client.current(key)
        assert version.encryption is not None
        assert MARK[:20] not in await stored(client.ocean, version)


async def stored(ocean: Ocean, version: Version) -> bytes:
    """The bytes that a version's row names, as they lie there."""
    parts = manifest.decode(version.manifest).parts
    found = b""
    for extent in [extent for part in parts for extent in part.extents]:
        if extent.layout is Layout.NEEDLE:
            found += await ocean.blobs.read_small(extent, 0, extent.size)
        else:
            store = await ocean.blobs.pool(extent.pool)
            found += bytes(await store.read(extent.blob, extent.offset, extent.span))
    return found


# --- what is put in another place -----------------------------------------------------------------


async def refused(
    client: Client, key: str, headers: Headers, caplog: pytest.LogCaptureFixture
) -> None:
    """A failure that tells the operator of the key and nothing to who asked."""
    for more in ({}, {"range": "bytes=0-9"}):
        caplog.clear()
        answer = await client.ask("GET", f"/bucket/{key}", headers | more)
        assert (answer.status, answer.code) in {(500, "InternalError"), (403, "AccessDenied")}
        assert MARK[:6] not in answer.body
        if answer.status == 500:
            (line,) = [one for one in caplog.messages if f"/bucket/{key}" in one]
            assert answer.headers["x-amz-request-id"] in line


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("what", ["manifest", "encryption", "row", "op"])
async def test_rows_of_two_objects_that_were_swapped(
    client: Client, what: str, size: str, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    headers, body = WRITE[mode], body_of(SIZES[size])
    for key in ("one", "two"):
        await client.right("PUT", f"/bucket/{key}", headers, body)
    rows = {key: await client.current(key) for key in ("one", "two")}
    for key, other in (("one", rows["two"]), ("two", rows["one"])):

        def change(version: Version, other: Version = other) -> Version:
            if what == "row":
                return replace(other, seq=version.seq)
            return replace(version, **{what: getattr(other, what)})

        await client.alter(key, change)
    for key in ("one", "two"):
        await refused(client, key, headers if mode == "C" else {}, caplog)


@pytest.mark.parametrize("what", ["manifest", "encryption"])
async def test_rows_of_two_versions_that_were_swapped(client: Client, what: str) -> None:
    await client.right("PUT", "/bucket?versioning", {}, ENABLED)
    ids = [
        (await client.right("PUT", "/bucket/key", WRITE["S3"], body_of(size))).headers[
            "x-amz-version-id"
        ]
        for size in (3000, 3000)
    ]
    objects = client.ocean.meta.objects
    first, second = [await objects.find(client.bucket.id, "key", one) for one in ids]
    assert first is not None
    assert second is not None
    for row, other in ((first, second), (second, first)):

        def change(version: Version, other: Version = other) -> Version:
            return replace(version, **{what: getattr(other, what)})

        assert await objects.relocate(client.bucket.id, "key", row.seq, change)
    for one in ids:
        answer = await client.ask("GET", f"/bucket/key?versionId={one}")
        assert (answer.status, answer.code) == (500, "InternalError")
        assert MARK[:6] not in answer.body


async def test_an_object_under_another_key_or_in_another_bucket(client: Client) -> None:
    """A row that was copied, bytes and all, is not the object."""
    await client.right("PUT", "/bucket/key", WRITE["S3"], MARK)
    version = await client.current("key")
    await client.right("PUT", "/other")
    other = await client.ocean.meta.buckets.find("other")
    assert other is not None
    for bucket, key in ((client.bucket, "renamed"), (other, "key")):
        await client.ocean.meta.objects.put(bucket, key, version, lambda _current: None)
        answer = await client.ask("GET", f"/{bucket.name}/{key}")
        assert (answer.status, answer.code) == (500, "InternalError")
        assert MARK[:6] not in answer.body


@pytest.mark.parametrize("mode", ["S3", "KMS"])
async def test_another_mode_or_context_in_the_row(client: Client, mode: str) -> None:
    await client.right("PUT", "/bucket/key", WRITE[mode], MARK)
    version = await client.current("key")
    assert version.encryption is not None
    other = EncryptionMode.KMS if mode == "S3" else EncryptionMode.S3
    for altered in (
        replace(version.encryption, mode=other),
        replace(version.encryption, context="e30="),
        replace(version.encryption, wrapped=version.encryption.wrapped[::-1]),
        replace(version.encryption, mode=EncryptionMode.C),
    ):
        row = replace(version, encryption=altered)
        await client.alter("key", lambda _now, row=row: row)  # type: ignore[misc]
        answer = await client.ask("GET", "/bucket/key")
        assert answer.status in {400, 500}
        assert MARK[:6] not in answer.body


Change = Callable[[bytes], bytes]


async def lay(ocean: Ocean, extent: Extent, change: Change) -> tuple[Extent, ...]:
    """What somebody could do who can write blobs: altered bytes in frames that are right."""
    pieces = ocean.blobs.read_all([Slice(extent, 0, extent.size)])
    sealed = change(b"".join([bytes(piece) async for piece in pieces]))
    if not sealed:
        return ()
    if extent.layout is Layout.NEEDLE:
        return (await ocean.blobs.put_needle(b"somebody's", sealed),)
    writer = ocean.blobs.writer(b"somebody's", len(sealed))
    await writer.write(sealed)
    return tuple(await writer.finish())


def flipped(at: int) -> Change:
    """One bit is another."""

    def change(data: bytes) -> bytes:
        place = at % len(data)
        return data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :]

    return change


def exchanged(data: bytes) -> bytes:
    """The first two chunks, or halves, in the other order."""
    size = SEALED if len(data) > 2 * SEALED else len(data) // 2
    return data[size : 2 * size] + data[:size] + data[2 * size :]


ALTERED: dict[str, Change] = {
    "first bit": flipped(0),
    "last bit": flipped(-1),
    "a bit between": flipped(70_000),
    "exchanged": exchanged,
    "cut by a byte": lambda data: data[:-1],
    "cut at a chunk": lambda data: data[: (len(data) - 1) // SEALED * SEALED],
    "cut at the front": lambda data: data[SEALED:] or data[1:],
    "continued": lambda data: data + bytes(SEALED),
    "repeated": lambda data: data + data,
    "nothing": lambda _data: b"",
    "other bytes": lambda data: bytes(len(data)),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("change", ALTERED)
async def test_altered_bytes_are_never_given_out(
    client: Client, change: str, size: str, mode: str
) -> None:
    """500 before the first byte, a broken connection after it; and what came was right so far."""
    body = body_of(SIZES[size])
    await client.right("PUT", "/bucket/key", WRITE[mode], body)
    version = await client.current("key")
    (part,) = manifest.decode(version.manifest).parts
    (extent,) = part.extents
    extents = await lay(client.ocean, extent, ALTERED[change])
    data = manifest.whole(extents, part.size) or manifest.encode(
        manifest.Manifest(1, (replace(part, extents=()),))
    )
    await client.alter("key", lambda now: replace(now, manifest=data))
    headers = WRITE[mode] if mode == "C" else {}
    given, broken = await client.read("/bucket/key", headers)
    if change in {"continued", "repeated"}:
        assert (given == body, broken) == (True, False), "what lies behind is not read"
    else:
        assert given.startswith(b"<?xml") or (broken and body.startswith(given))


async def test_an_answer_that_breaks_off_is_told_to_the_operator(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    body = body_of(3 << 20)
    await client.right("PUT", "/bucket/key", WRITE["S3"], body)
    (part,) = manifest.decode((await client.current("key")).manifest).parts
    extents = await lay(client.ocean, part.extents[0], flipped(2 << 20))
    data = manifest.whole(extents, part.size)
    await client.alter("key", lambda now: replace(now, manifest=data))
    given, broken = await client.read("/bucket/key", {})
    assert broken
    assert 0 < len(given) < len(body)
    assert body.startswith(given)
    (line,) = [one for one in caplog.messages if "/bucket/key" in one]
    assert "damaged" in line


async def test_parts_in_the_place_of_each_other(client: Client) -> None:
    """Neither the bytes of another part nor those that were sent for it before."""
    upload = await client.begin("key", WRITE["S3"])
    tags = []
    for number, size in ((1, 5 << 20), (2, 5 << 20), (3, 100)):
        query = f"?partNumber={number}&uploadId={upload}"
        answer = await client.right("PUT", f"/bucket/key{query}", {}, body_of(size))
        tags.append(answer.headers["etag"])
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>"
        for number, tag in enumerate(tags, 1)
    )
    document = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>"
    await client.right("POST", f"/bucket/key?uploadId={upload}", {}, document.encode())
    stored_ = manifest.decode((await client.current("key")).manifest)
    one, two, three = stored_.parts
    exchanged_ = (replace(one, extents=two.extents), replace(two, extents=one.extents), three)
    data = manifest.encode(replace(stored_, parts=exchanged_))
    await client.alter("key", lambda now: replace(now, manifest=data))
    for headers in ({}, {"range": f"bytes={6 << 20}-"}):
        answer = await client.ask("GET", "/bucket/key", headers)
        assert (answer.status, answer.code) == (500, "InternalError")
    assert (await client.right("GET", "/bucket/key?partNumber=3")).body == body_of(100)


async def test_plain_bytes_in_the_place_of_sealed_ones(client: Client) -> None:
    """Nor is an object served as plain that was written sealed, or the other way round."""
    for key, headers in (("plain", {}), ("sealed", WRITE["S3"])):
        await client.right("PUT", f"/bucket/{key}", headers, MARK)
    rows = {key: await client.current(key) for key in ("plain", "sealed")}
    await client.alter("plain", lambda now: replace(now, manifest=rows["sealed"].manifest))
    await client.alter("sealed", lambda now: replace(now, manifest=rows["plain"].manifest))
    answer = await client.ask("GET", "/bucket/sealed")
    assert (answer.status, answer.code) == (500, "InternalError")
    assert MARK[:6] not in (await client.ask("GET", "/bucket/plain")).body
