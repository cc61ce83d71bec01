"""Every operation with odd values, rightly signed: a clear answer, never a failure inside."""

import logging
import os
import random
from urllib.parse import quote

import pytest

from gateway.operations import BodyKind, Level, Operation
from gateway.ops import s3
from gateway.wire.bind import Header, members
from gateway.wire.bind import Headers as Prefixed
from gateway.wire.bind import Query as Parameter
from ocean.errors import InvalidURI
from tests.support.documents import ENABLED, versioning
from tests.support.inprocess import InProcess
from tests.support.signing import FORMS, Choices, by_header

VALUES = [
    *("", "0", "1", "-1", "2", "1000", "1001", "10000", "10001", str(2**31), str(2**63), "9" * 25),
    *("a", "/", "//", "..", "%", "é", "\u2028", "😀", "\x7f", "x" * 1000, "null", "true", "false"),
    *("*", '"*"', '"a","b"', 'W/"a"', '""', "bytes=0-0", "bytes=-1", "bytes=5-2", "bytes=0-,1-"),
    *("Mon, 01 Jan 2024 00:00:00 GMT", "2024-01-01", "COPY", "REPLACE", "a=b", "a=b&a=c", "url"),
    *("/bucket/key", "bucket/key?versionId=null", "bucket/k%00", "CRC32", "crc64nvme", "SHA256"),
    *("COMPOSITE", "FULL_OBJECT", "AAAAAA==", "AAAA", "=", "ETag,Checksum,ObjectParts", "private"),
    *("STANDARD", "requester", "ENABLED", "text/plain; charset=utf-8"),
]
DOCUMENTS = [
    *(b"", b"<a/>", b"hello"),
    b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>",
    b"<Delete><Quiet>true</Quiet><Object><Key>key</Key><VersionId>null</VersionId></Object></Delete>",
    b"<Delete><Object><Key>key</Key><ETag>x</ETag><Size>0</Size></Object></Delete>",
    *(ENABLED, versioning("Suspended")),
    (b"<CORSConfiguration><CORSRule><ID>a</ID><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET"
    b"</AllowedMethod><MaxAgeSeconds>-1</MaxAgeSeconds></CORSRule></CORSConfiguration>"),
    (b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"
    b"5d41402abc4b2a76b9719d911017c592</ETag></Part></CompleteMultipartUpload>"),
    (b"<CreateBucketConfiguration><LocationConstraint>a</LocationConstraint>"
    b"</CreateBucketConfiguration>"),
]  # fmt: skip
PATHS = {
    Level.SERVICE: ["/"],
    Level.BUCKET: ["/bucket", "/spare"],
    Level.OBJECT: ["/bucket/key", "/bucket/parts", "/bucket/%C3%A9", "/spare/key"],
}
OPERATIONS = [o for o in s3.by_name.values() if o.handler and o.body is not BodyKind.FORM]


class Dice(random.Random):
    """Throws requests."""

    def value(self, name: str, upload: str) -> str:
        if name == "uploadId" and self.random() < 0.8:
            return upload
        if name == "x-amz-copy-source" and self.random() < 0.7:
            return self.choice(["/bucket/key", "/bucket/parts"])
        return self.choice(VALUES)

    def request(self, operation: Operation, upload: str) -> tuple[str, dict[str, str]]:
        """Target and headers; what is required is always there."""
        query = {key: dict(operation.fixed).get(key, "") for key in sorted(operation.keys)}
        headers: dict[str, str] = {}
        for member in members(operation.input) if operation.input else ():
            mark, chosen = member.mark, member.required or self.random() < 0.2
            if isinstance(mark, Parameter) and chosen:
                query[mark.name] = self.value(mark.name, upload)
            elif isinstance(mark, Header) and chosen:
                headers[mark.name.lower()] = self.value(mark.name, upload)
            elif isinstance(mark, Prefixed) and chosen:
                headers[mark.prefix + self.choice(["a", "b-c"])] = self.choice(VALUES)
        pairs = [
            f"{quote(name)}={quote(value)}" if value else name for name, value in query.items()
        ]
        path = self.choice(PATHS[operation.level])
        return f"{path}?{'&'.join(pairs)}" if pairs else path, headers

    def document(self) -> bytes:
        body = bytearray(self.choice(DOCUMENTS))
        if body and self.random() < 0.2:
            at = self.randrange(len(body))
            body[at : at + self.randrange(3)] = self.choice([b"<", b"&", b"\xff", b"\0", b"<!--"])
        return bytes(body)


async def furnish(gateway: InProcess) -> str:
    """Buckets, a key and a part of an upload, whose id it gives."""
    for target in ("/bucket", "/spare", "/bucket/key"):
        await gateway.ask("PUT", *by_header("PUT", target, {}, Choices()))
    made = await gateway.ask("POST", *by_header("POST", "/bucket/parts?uploads", {}, Choices()))
    upload = made.body.decode().partition("<UploadId>")[2].partition("<")[0]
    part = f"/bucket/parts?partNumber=1&uploadId={upload}"
    await gateway.ask("PUT", *by_header("PUT", part, {}, Choices()), b"hello")
    return upload


async def ask_oddly(count: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    seed = int(os.environ.get("OCEAN_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
    dice = Dice(seed)
    gateway = await InProcess.begin()
    upload = ""
    for number in range(count):
        if number % 50 == 0:
            upload = await furnish(gateway)
        operation = dice.choice(OPERATIONS)
        target, headers = dice.request(operation, upload)
        try:
            signed = dice.choice(list(FORMS.values()))(operation.method, target, headers, Choices())
        except (InvalidURI, UnicodeError):
            continue
        body = dice.document()
        answer = await gateway.ask(operation.method, *signed, body)
        said = (seed, operation.name, target, headers, body, answer)
        assert answer.status < 500 or answer.status == 501, said
        assert not caplog.records, (said, caplog.text)
        assert not set("".join(answer.headers.values())) & set("\r\n\0"), said


@pytest.mark.slow
async def test_two_thousand_odd_requests(caplog: pytest.LogCaptureFixture) -> None:
    await ask_oddly(2_000, caplog)


@pytest.mark.nightly(part="attacks")
@pytest.mark.timeout(1800)
async def test_two_hundred_thousand_odd_requests(caplog: pytest.LogCaptureFixture) -> None:
    await ask_oddly(200_000, caplog)
