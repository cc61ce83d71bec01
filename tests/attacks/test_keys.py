"""Keys of every kind: stored, listed and read back byte by byte, and never outside their bucket.

Negative tests for SeaweedFS CVE-2026-54917 and CVE-2026-55874, RustFS GHSA-8r6f and GHSA-f4vq (`..`
in a path or a copy source), MinIO CVE-2023-28433 (backslashes), SeaweedFS CVE-2024-40120 (quotes
that reach a query language).
"""

# ruff: noqa: RUF001  (letters that look like others are what is tested)

import unicodedata
import xml.etree.ElementTree as ET
from urllib.parse import quote, unquote

import pytest

from tests.support.inprocess import InProcess
from tests.support.signing import FORMS, Choices, by_header

NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
CLASSES = sorted({unicodedata.category(chr(code)) for code in range(0x11000)} - {"Cs"})

KEYS = [
    *(f"dots/{name}" for name in (".", "..", "...", "./a", "../a", "a/.", "a/..", "a/../b")),
    *("..", ".", "...", "../other/key", "../../etc/passwd", "..\\..\\a", "\\", "a\\b", "\\\\a\\b"),
    *("/", "//", "/a", "//a", "a/", "a//", "a//b", "a/b", "a/b/c", "a", "/.", "/.."),
    *("%2e%2e%2f", "%2E%2E/", "%252e%252e%252f", "%", "%%", "%zz", "%00", "a%2Fb", "%c0%ae%c0%ae"),
    *(" ", "  ", " a", "a ", "a b", "+", "a+b", "a%20b", "a&b=c", "a?b", "a#b", "a;b", "a:b"),
    *("'", '"', "';--", "' OR 1=1 --", '"; DROP TABLE objects; --', "`", "$(a)", "${a}", "%s"),
    *("<", ">", "&", "&amp;", "<Key>", "]]>", "<!--", "&#0;", "&lt;", "<![CDATA[a]]>", "<?x?>"),
    *("\n", "\r", "\r\n", "\t", "\v", "\f", "a\nb", "a\r\nb", "\0", "a\0b", "\x01", "\x1f", "\x7f"),
    *("\x80", "\x85", "\xa0", "\xad", "\u200b", "\u200f", "\u2028", "\u2029", "\ufeff", "\ufffd"),
    *("\ufffe", "\uffff", "\U0001fffe", "\U0010ffff", "\ue000", "\u0300", "e\u0301", "é", "ﬁ", "ß"),
    *("İ", "ı", "ſ", "K", "日本", "😀", "👩‍👩‍👧", "ا", "\u202eabc", "xn--a", "ＡＢＣ"),
    *(".ocean", ".ocean.sys", "meta", "blobs", "data/lock", "sqlite_master", "null"),
    *("0", "-1", "1e9", "true", "None", "NaN", "uploads", "?uploads", "tagging", "con", "nul.txt"),
    *("k" * 1024, "ü" * 512, "/" * 1024, "." * 1024, "😀" * 256, "a" * 255 + "/" + "b" * 255),
]  # fmt: skip


def keys() -> list[str]:
    """The keys above, and eight of each class of code points."""
    found = list(KEYS)
    for name in CLASSES:
        members = [chr(c) for c in range(0x11000) if unicodedata.category(chr(c)) == name]
        found += [f"class/{name}/{char}" for char in members[:: max(1, len(members) // 8)]]
    return sorted(set(found), key=str.encode)


def path(key: str) -> str:
    return "/bucket/" + quote(key, safe="")


async def store(*buckets: str) -> InProcess:
    gateway = await InProcess.begin()
    for bucket in ("bucket", *buckets):
        made = by_header("PUT", f"/{bucket}", {}, Choices())
        assert (await gateway.ask("PUT", *made)).status == 200
    return gateway


async def listed(gateway: InProcess, query: str) -> list[str]:
    """The keys of all pages of a listing, as its XML has them."""
    found: list[str] = []
    token = ""
    while True:
        target = f"/bucket?list-type=2&max-keys=50{query}{token}"
        answer = await gateway.ask("GET", *by_header("GET", target, {}, Choices()))
        assert answer.status == 200, answer
        root = ET.fromstring(answer.body)
        found += [one.text or "" for one in root.iter(f"{NAMESPACE}Key")]
        following = root.findtext(f"{NAMESPACE}NextContinuationToken")
        if following is None:
            return found
        token = f"&continuation-token={quote(following, safe='')}"


@pytest.mark.slow
async def test_keys_come_back_as_they_were() -> None:
    gateway = await store()
    for key in keys():
        made = by_header("PUT", path(key), {}, Choices())
        assert (await gateway.ask("PUT", *made, key.encode())).status == 200, key
    for key in keys():
        for form in FORMS.values():
            answer = await gateway.ask("GET", *form("GET", path(key), {}, Choices()))
            assert (answer.status, answer.body) == (200, key.encode()), key
    encoded = await listed(gateway, "&encoding-type=url")
    assert [unquote(key, errors="strict") for key in encoded] == keys()
    assert all(key.isascii() and key.isprintable() for key in encoded)


@pytest.mark.slow
async def test_keys_are_listed_without_url_encoding() -> None:
    """Characters that XML 1.0 cannot hold are written as references, which its readers refuse."""
    gateway = await store()
    plain = [key for key in keys() if all(map(_in_xml, key))]
    for key in plain:
        assert (await gateway.ask("PUT", *by_header("PUT", path(key), {}, Choices()))).status == 200
    assert await listed(gateway, "") == plain


async def test_keys_that_xml_cannot_hold_are_written_as_references() -> None:
    gateway = await store()
    odd = [key for key in keys() if not all(map(_in_xml, key)) and len(key) < 20]
    assert odd
    for key in odd:
        assert (await gateway.ask("PUT", *by_header("PUT", path(key), {}, Choices()))).status == 200
    answer = await gateway.ask("GET", *by_header("GET", "/bucket?list-type=2", {}, Choices()))
    for key in odd:
        text = "".join(char if _in_xml(char) else f"&#x{ord(char):x};" for char in key)
        assert f"<Key>{text}</Key>".encode() in answer.body, key


def _in_xml(char: str) -> bool:
    """Whether XML 1.0 (section 2.2) has the character."""
    code = ord(char)
    return char in "\t\n\r" or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or code > 0xFFFF


@pytest.mark.parametrize(
    "raw",
    [
        "%ff",
        "%c0%ae",
        "%e0%80%80",
        "%ed%a0%80",
        "%f5%80%80%80",
        "%zz",
        "%",
        "%e2%82",
        "a%2",
        "\udcff",
    ],
)
async def test_what_is_no_utf_8_is_refused(raw: str) -> None:
    gateway = await store()
    gateway.touched.clear()
    for target in (f"/bucket/{raw}", f"/bucket?prefix={raw}", f"/bucket/k?versionId={raw}"):
        headers = by_header("GET", "/bucket", {}, Choices()).headers
        answer = await gateway.ask("GET", target, headers)
        assert (answer.status, answer.code) == (400, "InvalidURI")
    source = by_header("PUT", "/bucket/k", {"x-amz-copy-source": f"/bucket/{raw}"}, Choices())
    answer = await gateway.ask("PUT", *source)
    # Clients do send sources that they have not escaped: a lone % stands for itself there.
    assert answer.status in ({400, 404} if raw in {"%zz", "%", "a%2"} else {400})
    assert gateway.touched.written == []


async def test_forms_of_the_same_letters_are_different_keys() -> None:
    gateway = await store()
    pairs = [
        ("é", "e\u0301"),
        ("a b", "a+b"),
        ("a%2Fb", "a/b"),
        ("A", "a"),
        ("ﬁ", "fi"),
        ("K", "K"),
    ]
    for pair in pairs:
        for key in pair:
            made = by_header("PUT", path(key), {}, Choices())
            assert (await gateway.ask("PUT", *made, key.encode())).status == 200
        for key in pair:
            answer = await gateway.ask("GET", *by_header("GET", path(key), {}, Choices()))
            assert answer.body == key.encode()


@pytest.mark.parametrize(
    "target",
    [
        "/bucket/../secret/key",
        "/bucket/..%2fsecret%2fkey",
        "/bucket/%2e%2e/secret/key",
        "/bucket/..%5csecret%5ckey",
        "/bucket/./../secret/key",
        "/bucket//../secret/key",
        "/bucket/%252e%252e/secret/key",
        "/bucket/..;/secret/key",
    ],
)
async def test_a_path_stays_in_its_bucket(target: str) -> None:
    gateway = await store("secret")
    secret = by_header("PUT", "/secret/key", {}, Choices())
    assert (await gateway.ask("PUT", *secret, b"secret")).status == 200
    answer = await gateway.ask("GET", *by_header("GET", target, {}, Choices()))
    assert (answer.status, answer.code) == (404, "NoSuchKey")
    assert (
        await gateway.ask("PUT", *by_header("PUT", target, {}, Choices()), b"evil")
    ).status == 200
    assert (await gateway.ask("DELETE", *by_header("DELETE", target, {}, Choices()))).status == 204
    answer = await gateway.ask("GET", *by_header("GET", "/secret/key", {}, Choices()))
    assert answer.body == b"secret"
    copied = {"x-amz-copy-source": target}
    answer = await gateway.ask("PUT", *by_header("PUT", "/bucket/copy", copied, Choices()))
    assert (answer.status, answer.code) == (404, "NoSuchKey")


@pytest.mark.parametrize(
    "source",
    ["", "/", "//", "bucket", "/bucket", "/bucket/", "//key", "bucket/?versionId=", "?versionId=a",
     "/bucket/key?versionId=", "/bucket/key?versionId=../x", "/bucket/key?x=y", "../secret/key",
     "http://localhost/bucket/key", "arn:aws:s3:::bucket/key", "\0", "bucket\\key",
     "/%2fbucket/key"],
)  # fmt: skip
async def test_odd_copy_sources(source: str) -> None:
    """Ceph CVE-2024-47866: an empty source crashed the gateway."""
    gateway = await store("secret")
    gateway.touched.clear()
    for target in ("/bucket/k", "/bucket/k?partNumber=1&uploadId=x"):
        headers = {"x-amz-copy-source": source}
        answer = await gateway.ask("PUT", *by_header("PUT", target, headers, Choices()))
        assert answer.status in {400, 403, 404}, answer
    assert gateway.touched.written == []


@pytest.mark.parametrize(
    "bucket",
    ["..", ".", "%2e%2e", "a/b", "A", "-a", "a_b", "a..b", "x" * 64, "1.2.3.4", "xn--a", ".ocean",
     "a%00b", "ü", "%0d%0a", " ", "'"],
)  # fmt: skip
async def test_buckets_that_are_none(bucket: str) -> None:
    gateway = await store()
    gateway.touched.clear()
    made = by_header("PUT", f"/{bucket}", {}, Choices())
    answer = await gateway.ask("PUT", *made)
    if "/" in bucket:
        assert answer.code == "NoSuchBucket"
    else:
        assert (answer.status, answer.code) == (400, "InvalidBucketName")
    assert gateway.touched.written == []
