"""XML that attacks its reader, in every operation that takes a document.

Negative tests for Swift CVE-2022-47950 and LocalS3 CVE-2025-27136 (external entities) and Ceph
CVE-2020-12059 (invalid tags crash a form's upload).
"""

import asyncio
import time
from itertools import repeat

import pytest

from gateway.operations import BodyKind, Operation
from gateway.ops import s3
from tests.support.inprocess import Answer, InProcess
from tests.support.posting import Form, sign_v4
from tests.support.signing import FORMS, Choices, by_header

pytestmark = pytest.mark.slow

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_TAGS = "<Tagging{ns}><TagSet><Tag><Key>{text}</Key><Value>v</Value></Tag></TagSet></Tagging>"
_ACL = (
    "<AccessControlPolicy{ns}><Owner><ID>{text}</ID></Owner><AccessControlList/>"
    "</AccessControlPolicy>"
)

# Of each operation: target, and a document with room for a text and attributes of its root.
DOCUMENTS = {
    "CreateBucket": (
        "/fresh",
        (
            "<CreateBucketConfiguration{ns}><LocationConstraint>{text}</LocationConstraint>"
            "</CreateBucketConfiguration>"
        ),
    ),
    "PutBucketVersioning": (
        "/bucket?versioning",
        "<VersioningConfiguration{ns}><Status>{text}</Status></VersioningConfiguration>",
    ),
    "PutBucketCors": (
        "/bucket?cors",
        (
            "<CORSConfiguration{ns}><CORSRule><AllowedOrigin>{text}</AllowedOrigin>"
            "<AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"
        ),
    ),
    "PutBucketTagging": ("/bucket?tagging", _TAGS),
    "PutObjectTagging": ("/bucket/key?tagging", _TAGS),
    "DeleteObjects": (
        "/bucket?delete",
        "<Delete{ns}><Object><Key>{text}</Key></Object></Delete>",
    ),
    "PutBucketAcl": ("/bucket?acl", _ACL),
    "PutObjectAcl": ("/bucket/key?acl", _ACL),
    "PutPublicAccessBlock": (
        "/bucket?publicAccessBlock",
        (
            "<PublicAccessBlockConfiguration{ns}><BlockPublicAcls>{text}</BlockPublicAcls>"
            "</PublicAccessBlockConfiguration>"
        ),
    ),
    "PutBucketOwnershipControls": (
        "/bucket?ownershipControls",
        (
            "<OwnershipControls{ns}><Rule><ObjectOwnership>{text}</ObjectOwnership></Rule>"
            "</OwnershipControls>"
        ),
    ),
    "PutBucketLifecycleConfiguration": (
        "/bucket?lifecycle",
        (
            "<LifecycleConfiguration{ns}><Rule><Filter/><Status>{text}</Status>"
            "<Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>"
        ),
    ),
    "PutObjectLockConfiguration": (
        "/bucket?object-lock",
        (
            "<ObjectLockConfiguration{ns}><ObjectLockEnabled>{text}</ObjectLockEnabled>"
            "</ObjectLockConfiguration>"
        ),
    ),
    "PutObjectRetention": (
        "/bucket/key?retention",
        "<Retention{ns}><Mode>{text}</Mode></Retention>",
    ),
    "PutObjectLegalHold": (
        "/bucket/key?legal-hold",
        "<LegalHold{ns}><Status>{text}</Status></LegalHold>",
    ),
    "PutBucketEncryption": (
        "/bucket?encryption",
        (
            "<ServerSideEncryptionConfiguration{ns}><Rule><ApplyServerSideEncryptionByDefault>"
            "<SSEAlgorithm>{text}</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule>"
            "</ServerSideEncryptionConfiguration>"
        ),
    ),
    "CompleteMultipartUpload": (
        "/bucket/key?uploadId=x",
        (
            "<CompleteMultipartUpload{ns}><Part><PartNumber>1</PartNumber><ETag>{text}</ETag>"
            "</Part></CompleteMultipartUpload>"
        ),
    ),
}
LAUGHS = "".join(
    f"<!ENTITY l{n} '{f'&l{n - 1};' * 10 if n else 'lol'}'>" for n in range(10)
)  # fmt: skip
PROLOGS = {
    "billion laughs": (f"<!DOCTYPE x [{LAUGHS}]>", "&l9;"),
    "quadratic": (f"<!DOCTYPE x [<!ENTITY a '{'a' * 10_000}'>]>", "&a;" * 1000),
    "a file": ("<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>", "&a;"),
    "a device": ("<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///dev/zero'>]>", "&a;"),
    "a URL": ("<!DOCTYPE x [<!ENTITY a SYSTEM 'http://127.0.0.1:9/'>]>", "&a;"),
    "a public name": ("<!DOCTYPE x PUBLIC '-//x//y' 'http://127.0.0.1:9/'>", "v"),
    "a parameter": ("<!DOCTYPE x [<!ENTITY % a SYSTEM 'http://127.0.0.1:9/'> %a;]>", "v"),
    "an internal entity": ("<!DOCTYPE x [<!ENTITY a 'Enabled'>]>", "&a;"),
    "a plain DTD": ("<!DOCTYPE x>", "v"),
    "an attribute list": ("<!DOCTYPE x [<!ATTLIST x y CDATA 'z'>]>", "v"),
    "an unknown entity": ("", "&nbsp;"),
    "a reference to NUL": ("", "&#0;"),
    "a reference to no character": ("", "&#x110000;"),
    "a reference to a surrogate": ("", "&#xd800;"),
    "a reference of many digits": ("", f"&#{'9' * 5000};"),
}
BROKEN = {
    "nothing": b"",
    "blanks": b" \r\n\t ",
    "no XML": b"{}",
    "NUL": b"\0",
    "a declaration only": b'<?xml version="1.0"?>',
    "another root": b"<Other/>",
    "two roots": b"{valid}{valid}",
    "garbage behind": b"{valid}x",
    "cut": b"{half}",
    "UTF-7": b'<?xml version="1.0" encoding="UTF-7"?>+ADw-x/+AD4-',
    "no UTF-8": b"{valid}\xff",
    "deep": b"<a>" * 10_000,
    "deep inside": b"{open}" + b"<a>" * 10_000,
    "many attributes": b"<a " + b"".join(b"a%d='' " % n for n in range(5000)) + b"/>",
    "an attribute twice": b"<a a='' a=''/>",
    "an endless attribute": b"<a a='" + b"a" * 60_000 + b"'/>",
    "an endless name": b"<" + b"a" * 60_000 + b"/>",
    "an endless comment": b"<!--" + b"a" * 60_000,
    "an endless CDATA": b"<![CDATA[" + b"a" * 60_000,
    "a stylesheet": b"<?xml-stylesheet href='http://127.0.0.1:9/'?>",
    "an unknown prefix": b"<a:b/>",
    "XInclude": b"<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='/etc/passwd'/>",
}
OPERATIONS = [
    one
    for one in s3.by_name.values()
    if one.body is BodyKind.DOCUMENT and one.name != "PutBucketPolicy"  # whose document is JSON
]
EVERY = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)


async def store() -> InProcess:
    gateway = await InProcess.begin()
    for target in ("/bucket", "/bucket/key"):
        made = FORMS["header"]("PUT", target, {}, Choices())
        assert (await gateway.ask("PUT", *made)).status == 200
    gateway.touched.clear()
    return gateway


def document(operation: Operation, text: str = "v", attributes: str = "") -> str:
    return DOCUMENTS[operation.name][1].replace("{ns}", attributes).replace("{text}", text)


def malformed(operation: Operation) -> str:
    """How an operation says that a document is none of its kind."""
    return "MalformedACLError" if operation.name.endswith("Acl") else "MalformedXML"


async def send(gateway: InProcess, operation: Operation, body: bytes) -> Answer:
    made = by_header(operation.method, DOCUMENTS[operation.name][0], {}, Choices())
    async with asyncio.timeout(5):
        begun = time.process_time()
        answer = await gateway.ask(operation.method, *made, body)
        assert time.process_time() - begun < 1  # generous: what attacks do takes minutes
    return answer


def test_every_operation_with_a_document_is_here() -> None:
    assert {operation.name for operation in OPERATIONS} == set(DOCUMENTS)


@EVERY
@pytest.mark.parametrize("name", sorted(PROLOGS))
async def test_entities_and_types_of_documents(operation: Operation, name: str) -> None:
    prolog, text = PROLOGS[name]
    gateway = await store()
    answer = await send(gateway, operation, (prolog + document(operation, text)).encode())
    assert (answer.status, answer.code) in {
        (400, malformed(operation)),
        (400, "MaxMessageLengthExceeded"),
    }
    assert b"root:" not in answer.body
    assert gateway.touched.written == []


@EVERY
@pytest.mark.parametrize("name", sorted(BROKEN))
async def test_what_is_no_such_document(operation: Operation, name: str) -> None:
    gateway = await store()
    valid = document(operation)
    parts = {
        b"{valid}": valid,
        b"{half}": valid[: len(valid) // 2],
        b"{open}": valid[: valid.index(">") + 1],
    }
    body = BROKEN[name]
    for mark, part in parts.items():
        body = body.replace(mark, part.encode())
    answer = await send(gateway, operation, body)
    if operation.name == "CreateBucket" and not body:
        assert answer.status == 200  # its document may be left out
        return
    assert answer.status == 400, answer
    assert gateway.touched.written == []


@EVERY
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp037"])
async def test_other_encodings(operation: Operation, encoding: str) -> None:
    """UTF-16 is read, nothing else is; in none of them a DTD goes unseen."""
    gateway = await store()
    declared = f'<?xml version="1.0" encoding="{encoding}"?>'
    typed = declared + '<!DOCTYPE x [<!ENTITY a "b">]>' + document(operation)
    answer = await send(gateway, operation, typed.encode(encoding))
    assert (answer.status, answer.code) == (400, malformed(operation))
    assert gateway.touched.written == []
    plain = await send(gateway, operation, document(operation).encode())
    gateway = await store()
    answer = await send(gateway, operation, document(operation).encode(encoding))
    read = encoding.startswith("utf-16")
    assert answer.code == (plain.code if read else malformed(operation))


@EVERY
@pytest.mark.parametrize("piece", [b" ", b"<a>", b"<!-- -->", b"<x y='z'/>", b"\xff", b"&amp;"])
async def test_a_document_without_end(operation: Operation, piece: bytes) -> None:
    gateway = await store()
    made = by_header(operation.method, DOCUMENTS[operation.name][0], {}, Choices())
    endless = repeat(piece * (65536 // len(piece)))
    answer = await gateway.ask(operation.method, *made, endless, length=1 << 40)
    assert answer.status == 400
    assert gateway.touched.taken <= operation.document_limit + (128 << 10)
    assert gateway.touched.written == []


@pytest.mark.parametrize(
    "key",
    ["a<!-- x -->b", "<![CDATA[ab]]>", "a<![CDATA[b]]>", "a<?x?>b", "&#97;b", "<x/>ab", "a<b/>b"],
)
async def test_a_key_is_all_of_its_text_or_refused(key: str) -> None:
    """A comment must not cut a key: what is deleted is `ab` or nothing, never `a`."""
    gateway = await store()
    for name in ("a", "b", "ab"):
        made = by_header("PUT", f"/bucket/{name}", {}, Choices())
        assert (await gateway.ask("PUT", *made)).status == 200
    operation = s3.by_name["DeleteObjects"]
    answer = await send(gateway, operation, document(operation, key).encode())
    for name, there in (("a", 200), ("b", 200), ("ab", 404 if answer.status == 200 else 200)):
        made = by_header("GET", f"/bucket/{name}", {}, Choices())
        assert (await gateway.ask("GET", *made)).status == there, (name, answer)


@pytest.mark.parametrize(
    "prefix", ["\ufeff", '<?xml version="1.0" encoding="UTF-8"?>\n', "<!-- -->"]
)
@pytest.mark.parametrize("attributes", ["", f' xmlns="{NAMESPACE}"'])
async def test_what_clients_do_send(prefix: str, attributes: str) -> None:
    gateway = await store()
    operation = s3.by_name["PutObjectTagging"]
    body = prefix + document(operation, attributes=attributes)
    assert (await send(gateway, operation, body.encode())).status == 200


async def test_1001_keys_and_10001_parts() -> None:
    gateway = await store()
    many = "<Object><Key>k</Key></Object>" * 1001
    delete = s3.by_name["DeleteObjects"]
    answer = await send(gateway, delete, f"<Delete>{many}</Delete>".encode())
    assert (answer.status, answer.code) == (400, "MalformedXML")
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{'0' * 32}</ETag></Part>"
        for number in range(1, 10_002)
    )
    complete = s3.by_name["CompleteMultipartUpload"]
    body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>"
    answer = await send(gateway, complete, body.encode())
    assert (answer.status, answer.code) == (400, "MalformedXML")
    assert gateway.touched.written == []


@pytest.mark.parametrize(
    "tagging",
    [
        "<",
        "<Tagging>",
        "",
        " ",
        "<Tagging/>",
        "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>",
        "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>" + _TAGS.format(ns="", text="&a;"),
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    ],
)
async def test_invalid_tags_of_a_form(tagging: str) -> None:
    gateway = await store()
    form = Form(sign_v4({"key": "k", "tagging": tagging}, Choices()))
    answer = await gateway.ask("POST", "/bucket", form.headers, form.body)
    assert answer.status == 400
    assert gateway.touched.written == []
