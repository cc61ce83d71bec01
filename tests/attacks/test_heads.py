"""Heads at their limits, headers that would start lines of their own, and headers beside S3's.

Negative tests for Ceph CVE-2020-10753 and CVE-2021-3524 (line ends in what CORS reflects), Ceph
CVE-2024-47866 (an empty x-amz-copy-source), Swift CVE-2026-71191 and RustFS GHSA-g8w9 (headers that
no signature covers), Swift CVE-2026-71192 and MinIO CVE-2026-34204 (headers that are meant for the
inside).
"""

import asyncio
from urllib.parse import quote

import pytest

from gateway import refusals
from metastore.engine import Table
from tests.support.inprocess import OWNER, Answer, InProcess
from tests.support.signing import FORMS, UNSIGNED, Choices, Headers, by_header, by_query

SIGNED = pytest.mark.parametrize("form", ["header", "query"])
LINE_ENDS = ["\r\n", "\n", "\r", "\0", "\x0b", "\x0c", "\x85", "\u2028"]


async def store() -> InProcess:
    gateway = await InProcess.begin()
    for target in ("/bucket", "/bucket/key"):
        made = FORMS["header"]("PUT", target, {}, Choices())
        assert (await gateway.ask("PUT", *made, b"hello" * ("key" in target))).status == 200
    gateway.touched.clear()
    return gateway


async def ask(
    gateway: InProcess, method: str, target: str, headers: Headers | None = None, body: bytes = b""
) -> Answer:
    """A request of the owner, rightly signed."""
    made = by_header(method, target, headers or {}, Choices())
    return await gateway.ask(method, *made, body)


async def raw(gateway: InProcess, data: bytes) -> bytes:
    """All that comes back for bytes on a connection, which we end."""
    async with gateway.listening() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(data)
        answer = await asyncio.wait_for(reader.read(-1), 5)
        writer.close()
        return answer


def head(method: str, target: str, headers: Headers) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {target} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode()


# --- limits ---------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/bucket/" + "k" * 9000, {}),
        ("/bucket?prefix=" + "p" * 9000, {}),
        ("/bucket", {"x-long": "v" * 9000}),
        ("/bucket", {"n" * 9000: "v"}),
        ("/bucket", {f"x-{number}": "v" for number in range(200)}),
        ("/bucket", {f"x-{number}": "v" * 8000 for number in range(17)}),
        ("/bucket", {f"x-{number}": "v" * 700 for number in range(120)}),
    ],
)
async def test_heads_that_are_too_large(target: str, headers: Headers) -> None:
    gateway = await store()
    answer = await raw(gateway, head("GET", target, {"Host": "localhost"} | headers))
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431"))
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"Connection: close" in answer
    assert gateway.touched.read == []


@pytest.mark.slow
async def test_a_head_without_end() -> None:
    gateway = await store()
    async with gateway.listening() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /bucket HTTP/1.1\r\nHost: localhost\r\n")
        sent = 0
        try:
            while sent < 4 << 20:
                writer.write(b"x-a: " + b"v" * 1000 + b"\r\n")
                await asyncio.wait_for(writer.drain(), 5)
                sent += 1007
        except ConnectionError:
            pass
        answer = await asyncio.wait_for(reader.read(-1), 5)
        assert answer.startswith(b"HTTP/1.1 400") or sent < 1 << 20
        writer.close()


@pytest.mark.parametrize("size", [2048, 2049])
async def test_metadata_of_two_kibibytes(size: int) -> None:
    gateway = await store()
    headers = {"x-amz-meta-a": "v" * 1000, "x-amz-meta-bc": "v" * (size - 1003)}
    answer = await ask(gateway, "PUT", "/bucket/meta", headers)
    assert (answer.status, answer.code) == (
        (200, "") if size == 2048 else (400, "MetadataTooLarge")
    )


@pytest.mark.parametrize("form", ["header", "query"])
@pytest.mark.parametrize(("key", "code"), [("ü" * 512, ""), ("ü" * 512 + "k", "KeyTooLongError")])
async def test_keys_of_one_kibibyte(form: str, key: str, code: str) -> None:
    gateway = await store()
    made = FORMS[form]("PUT", "/bucket/" + quote(key), {}, Choices())
    assert (await gateway.ask("PUT", *made)).code == code


# --- line ends in what is reflected ---------------------------------------------------------------


def _unbroken(answer: Answer) -> None:
    """Assert that no header has a line end."""
    for name, value in answer.headers.items():
        assert not set(name + value) & set("\r\n\0"), (name, value)


@pytest.mark.parametrize("end", LINE_ENDS)
@pytest.mark.parametrize(
    "name",
    [
        "x-amz-meta-a",
        "content-type",
        "content-disposition",
        "content-encoding",
        "content-language",
        "cache-control",
        "expires",
        "x-amz-tagging",
        "if-match",
        "if-none-match",
        "origin",
        "x-amz-expected-bucket-owner",
        "x-amz-request-id",
    ],
)
async def test_line_ends_in_headers(name: str, end: str) -> None:
    """The front lets none of them pass; what is behind must not rely on it."""
    gateway = await store()
    evil = f"a{end}x-evil: 1{end}{end}<script>"
    for method in ("PUT", "GET"):
        _unbroken(await ask(gateway, method, "/bucket/key", {name: evil}))
    answer = await ask(gateway, "GET", "/bucket/key")
    _unbroken(answer)
    assert "x-evil" not in answer.headers


@pytest.mark.slow
@pytest.mark.parametrize("end", ["%0d%0a", "%0a", "%0d", "%00", "%E5%98%8A%E5%98%8D", "%c0%8d"])
@pytest.mark.parametrize(
    "name",
    [
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
        "prefix",
        "versionId",
        "x-id",
    ],
)
async def test_line_ends_in_the_query_and_the_path(name: str, end: str) -> None:
    gateway = await store()
    value = f"a{end}x-evil:1{end}{end}b"
    targets = [f"/bucket/key?{name}={value}", f"/bucket/{value}", f"/bucket?{name}={value}"]
    for target in targets:
        try:
            made = by_header("GET", target, {}, Choices())
        except Exception:
            made = by_header("GET", "/bucket", {}, Choices())._replace(target=target)
        answer = await raw(gateway, head("GET", target, made.headers))
        lines = answer.partition(b"\r\n\r\n")[0].lower()
        assert answer.count(b"HTTP/1.1 ") == 1
        assert b"\nx-evil" not in lines
        assert b"\rx-evil" not in lines
        assert b"\0" not in lines
        assert not answer.startswith(b"HTTP/1.1 500")


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "&#13;", "&#10;", "&#13;&#10;", "\x85"])
@pytest.mark.parametrize("element", ["AllowedOrigin", "ExposeHeader", "AllowedHeader", "ID"])
async def test_line_ends_in_a_cors_configuration(element: str, end: str) -> None:
    gateway = await store()
    given = {"AllowedOrigin": "*", "AllowedMethod": "GET", element: f"a{end}x-evil: 1"}
    rule = "".join(f"<{name}>{value}</{name}>" for name, value in given.items())
    document = f"<CORSConfiguration><CORSRule>{rule}</CORSRule></CORSConfiguration>".encode()
    answer = await ask(gateway, "PUT", "/bucket?cors", {}, document)
    assert answer.status in {200, 400}
    for origin in ("https://example.com", "a x-evil: 1", "a%0d%0ax-evil: 1"):
        asked = {"origin": origin, "access-control-request-method": "GET"}
        asked["access-control-request-headers"] = "a x-evil: 1"
        _unbroken(await gateway.ask("OPTIONS", "/bucket/key", asked))
        _unbroken(await ask(gateway, "GET", "/bucket/key", {"origin": origin}))


@pytest.mark.parametrize("end", ["\r\n", "\n", "&#13;", "&#10;", "&#0;", "\x0b"])
async def test_line_ends_in_tags(end: str) -> None:
    gateway = await store()
    tag = f"<Tag><Key>a{end}b</Key><Value>c{end}d</Value></Tag>"
    document = f"<Tagging><TagSet>{tag}</TagSet></Tagging>".encode()
    answer = await ask(gateway, "PUT", "/bucket/key?tagging", {}, document)
    assert answer.status == 400
    assert gateway.touched.written == []


async def test_without_rules_nothing_is_said_to_other_origins() -> None:
    """RustFS GHSA-x5xv: the origin was reflected, with credentials, by default."""
    gateway = await store()
    for origin in ("https://evil.example", "null", "http://s3.test"):
        asked = {"origin": origin, "access-control-request-method": "GET"}
        answer = await gateway.ask("OPTIONS", "/bucket/key", asked)
        assert (answer.status, answer.code) == (403, "AccessForbidden")
        for target in ("/bucket/key", "/bucket", "/", "/no-bucket/key"):
            for given in (answer, await ask(gateway, "GET", target, {"origin": origin})):
                assert not [name for name in given.headers if name.startswith("access-control")]


# --- headers beside the signature -----------------------------------------------------------------

# What a stranger might add to a request that somebody else has signed.
ADDED = {
    "x-amz-copy-source": "/bucket/key",
    "x-amz-acl": "public-read",
    "x-amz-meta-a": "b",
    "x-amz-tagging": "a=b",
    "x-amz-storage-class": "STANDARD",
    "x-amz-security-token": "t",
    "x-amz-expected-bucket-owner": "0" * 64,
    "x-amz-checksum-crc32": "AAAAAA==",
    "x-amz-trailer": "x-amz-checksum-crc32",
    "x-amz-decoded-content-length": "5",
    "x-amz-server-side-encryption": "AES256",
    "x-amz-object-lock-mode": "GOVERNANCE",
    "x-amz-website-redirect-location": "/",
    "x-amz-metadata-directive": "REPLACE",
    "x-amz-unheard-of": "1",
}


@SIGNED
@pytest.mark.parametrize("name", sorted(ADDED))
@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE", "HEAD"])
async def test_a_header_that_the_signature_does_not_cover(
    form: str, name: str, method: str
) -> None:
    gateway = await store()
    target, headers = FORMS[form](method, "/bucket/key", {}, Choices())
    answer = await gateway.ask(method, target, headers | {name: ADDED[name]}, b"other")
    assert answer.status in {400, 403}
    assert gateway.touched.written == []
    assert gateway.touched.blobs == []
    assert set(gateway.touched.read) <= {Table.IDENTITIES}


async def test_a_payload_header_that_a_presigned_url_does_not_cover() -> None:
    gateway = await store()
    target, headers = by_query("PUT", "/bucket/key", {}, Choices())
    for payload in ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", UNSIGNED, "0" * 64):
        sent = headers | {"x-amz-content-sha256": payload, "x-amz-decoded-content-length": "5"}
        answer = await gateway.ask("PUT", target, sent, b"5\r\nother\r\n0\r\n\r\n")
        assert answer.status == 403
        assert gateway.touched.written == []


@SIGNED
@pytest.mark.parametrize("host", ["evil", "s3.test:81", "", "bucket.localhost"])
async def test_another_host_than_the_signed_one(form: str, host: str) -> None:
    gateway = await store()
    target, headers = FORMS[form]("GET", "/bucket/key", {}, Choices())
    answer = await gateway.ask("GET", target, headers | {"host": host})
    assert answer.status == 403
    assert set(gateway.touched.read) <= {Table.IDENTITIES}


@SIGNED
@pytest.mark.parametrize(
    "alter",
    ["/bucket/key2", "/bucket/key?versionId=null", "/bucket/key?tagging", "/bucket/key?x=1", "/"],
)
async def test_another_target_than_the_signed_one(form: str, alter: str) -> None:
    gateway = await store()
    target, headers = FORMS[form]("GET", "/bucket/key", {}, Choices())
    path, _, added = alter.partition("?")
    query = "&".join(filter(None, (target.partition("?")[2], added)))
    answer = await gateway.ask("GET", f"{path}?{query}" if query else path, headers)
    assert answer.status == 403
    for method in ("HEAD", "PUT", "DELETE", "POST"):
        assert (await gateway.ask(method, target, headers)).status == 403
    assert set(gateway.touched.read) <= {Table.IDENTITIES}


# --- headers for the inside -----------------------------------------------------------------------

INSIDE = [
    "x-ocean-request-id",
    "x-ocean-internal",
    "x-ocean-principal",
    "x-ocean-meta-size",
    "x-amz-replication-status",
    "x-amz-replication-source",
    "x-minio-source-mtime",
    "x-minio-replication-actual-object-size",
    "x-rgw-internal",
    "x-object-manifest",
    "x-copy-from",
    "x-delete-after",
    "x-auth-token",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-original-url",
    "x-rewrite-url",
    "x-http-method-override",
    "x-amz-meta-x-amz-replication-status",
    "x-amz-meta-ocean-internal",
]


@pytest.mark.parametrize("name", INSIDE)
async def test_headers_for_the_inside_are_refused_or_without_effect(name: str) -> None:
    gateway = await store()
    plain = await ask(gateway, "PUT", "/bucket/one", {}, b"hello")
    answer = await ask(gateway, "PUT", "/bucket/two", {name: "DELETE"}, b"hello")
    if name.startswith("x-amz-") and not name.startswith("x-amz-meta-"):
        assert (answer.status, answer.code) == (501, "NotImplemented")
        return
    assert answer.status == plain.status == 200
    without = {"last-modified", "x-amz-request-id", name}
    one, two = [await ask(gateway, "GET", f"/bucket/{key}") for key in ("one", "two")]
    assert one.body == two.body == b"hello"
    kept = [{n: v for n, v in found.headers.items() if n not in without} for found in (one, two)]
    assert kept[0] == kept[1]
    assert (name in two.headers) is name.startswith("x-amz-meta-")


@pytest.mark.parametrize("name", INSIDE)
async def test_headers_for_the_inside_make_nobody_somebody(name: str) -> None:
    gateway = await store()
    for value in (OWNER.access_key, "root", "127.0.0.1", "/bucket/key", "PUT", "true"):
        answer = await gateway.ask("GET", "/bucket/key", {name: value})
        assert answer.status == 403
    assert set(gateway.touched.read) == {Table.BUCKETS, Table.OBJECTS}  # an ACL might let all in


@pytest.mark.slow
async def test_odd_values_of_every_header_never_fail_inside() -> None:
    """Empty, blank, long, beyond ASCII, no UTF-8: a clear answer, never 5xx but NotImplemented."""
    gateway = await store()
    values = [
        "",
        " ",
        ",",
        "/",
        "//",
        "\x7f",
        "ü",
        "\udcff",
        "9" * 100,
        "-1",
        "a" * 4000,
        "%",
        "%zz",
    ]
    names = [*refusals.HANDLED, "range", "if-match", "content-md5", "if-modified-since"]
    skipped = {"x-amz-date", "x-amz-content-sha256"}
    targets = [("PUT", "/bucket/odd"), ("GET", "/bucket/key"), ("HEAD", "/bucket/key")]
    for method, target in [*targets, ("PUT", "/bucket/key?partNumber=1&uploadId=x")]:
        for name in set(names) - skipped:
            for value in values:
                answer = await ask(gateway, method, target, {name: value}, b"hello")
                assert answer.status < 500 or answer.status == 501, (method, target, name, value)
                _unbroken(answer)
