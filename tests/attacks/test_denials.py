"""Who may not learns nothing: no condition, range or version tells what is there.

Negative tests for MinIO CVE-2024-36107 (conditions reveal that a key exists), RustFS GHSA-mx42,
GHSA-wfxj and GHSA-3ppv (a copy's source is read without the right to it, a version under the right
to another action).
"""

import pytest

from metastore.engine import Table
from tests.support.inprocess import OTHER, ROOT, Answer, InProcess
from tests.support.signing import FORMS, Choices, Headers, Signed, by_header

OTHERS = Choices(pair=OTHER)
ETAG = '"5d41402abc4b2a76b9719d911017c592"'  # of hello
PAST, FUTURE = "Mon, 01 Jan 2001 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
CONDITIONS: list[Headers] = [
    {},
    {"if-match": ETAG},
    {"if-match": '"0"'},
    {"if-match": "*"},
    {"if-none-match": ETAG},
    {"if-none-match": "*"},
    {"if-modified-since": PAST},
    {"if-modified-since": FUTURE},
    {"if-unmodified-since": PAST},
    {"if-unmodified-since": FUTURE},
    {"range": "bytes=0-1"},
    {"range": "bytes=100-"},
    {"range": "bytes=-0"},
]
QUERIES = ["", "?versionId=null", "?versionId=x", "?partNumber=1", "?partNumber=9", "?tagging",
           "?attributes", "?uploadId=x", "?acl", "?response-content-type=a"]  # fmt: skip


@pytest.fixture
async def gateway() -> InProcess:
    """OWNER's bucket `theirs` with a key, OTHER's bucket `mine`."""
    gateway = await InProcess.begin()
    for target, choices in (("/theirs", Choices()), ("/theirs/key", Choices()), ("/mine", OTHERS)):
        body = b"hello" if target.count("/") > 1 else b""
        made = by_header("PUT", target, {}, choices)
        assert (await gateway.ask("PUT", *made, body)).status == 200
    gateway.touched.clear()
    return gateway


def untouched(gateway: InProcess, *also: Table) -> None:
    """Nothing but the credential and the bucket's record was read, and what is in `also`."""
    touched = gateway.touched
    assert (touched.written, touched.blobs) == ([], [])
    assert set(touched.read) <= {Table.IDENTITIES, Table.BUCKETS, *also}
    touched.clear()


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
@pytest.mark.parametrize("form", ["anonymous", *sorted(FORMS)])
async def test_a_key_that_is_there_answers_as_one_that_is_not(
    gateway: InProcess, method: str, form: str
) -> None:
    for headers in CONDITIONS:
        for query in QUERIES:
            answers = []
            for key in ("key", "no-key"):
                target = f"/theirs/{key}{query}"
                signed = Signed(target, headers)
                if form != "anonymous":
                    signed = FORMS[form](method, target, headers, OTHERS)
                answer = await gateway.ask(method, *signed)
                untouched(gateway, Table.OBJECTS)  # its ACL might decide otherwise
                answers.append((answer.status, answer.code, len(answer.headers)))
            assert answers[0] == answers[1], (headers, query)
            assert answers[0][0] in {400, 403, 405}, (headers, query, answers)


# --- copies ---------------------------------------------------------------------------------------

SOURCES = ["/theirs/key", "theirs/key", "/theirs/no-key", "/theirs/key?versionId=null",
           "/mine/../theirs/key", "/theirs/%6bey", "/%74heirs/key", "theirs//key"]  # fmt: skip


async def copy(gateway: InProcess, source: str, query: str = "", **headers: str) -> Answer:
    sent = {"x-amz-copy-source": source} | {n.replace("_", "-"): v for n, v in headers.items()}
    return await gateway.ask("PUT", *by_header("PUT", f"/mine/copy{query}", sent, OTHERS))


@pytest.mark.parametrize("source", SOURCES)
async def test_a_source_that_the_caller_may_not_read(gateway: InProcess, source: str) -> None:
    for condition in ("", "if-match", "if-none-match", "if-modified-since"):
        name = f"x-amz-copy-source-{condition}"
        answer = await copy(gateway, source, **({name: ETAG} if condition else {}))
        if source.startswith("/mine/"):
            assert answer.code == "NoSuchKey"
        else:
            assert (answer.status, answer.code) == (403, "AccessDenied")
        assert (gateway.touched.written, gateway.touched.blobs) == ([], [])


async def upload(gateway: InProcess) -> str:
    made = by_header("POST", "/mine/copy?uploads", {}, OTHERS)
    body = (await gateway.ask("POST", *made)).body.decode()
    gateway.touched.clear()
    return body.partition("<UploadId>")[2].partition("</UploadId>")[0]


@pytest.mark.parametrize("source", [one for one in SOURCES if not one.startswith("/mine/")])
async def test_a_source_of_a_part_that_the_caller_may_not_read(
    gateway: InProcess, source: str
) -> None:
    part = f"?partNumber=1&uploadId={await upload(gateway)}"
    for extra in ({}, {"x-amz-copy-source-range": "bytes=0-1"}):
        answer = await copy(gateway, source, part, **extra)
        assert (answer.status, answer.code) == (403, "AccessDenied")
        assert (gateway.touched.written, gateway.touched.blobs) == ([], [])


async def test_a_copy_into_a_bucket_that_the_caller_may_not_write(gateway: InProcess) -> None:
    made = by_header("PUT", "/mine/key", {}, OTHERS)
    assert (await gateway.ask("PUT", *made, b"evil")).status == 200
    gateway.touched.clear()
    sent = {"x-amz-copy-source": "/mine/key"}
    answer = await gateway.ask("PUT", *by_header("PUT", "/theirs/key", sent, OTHERS))
    assert (answer.status, answer.code) == (403, "AccessDenied")
    untouched(gateway)


async def test_an_upload_of_another_bucket_or_key_is_not_there(gateway: InProcess) -> None:
    identifier = await upload(gateway)
    named = f"uploadId={identifier}"
    queries = [("PUT", f"?partNumber=1&{named}")]
    queries += [(method, f"?{named}") for method in ("GET", "DELETE", "POST")]
    body = (
        b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part>"
        b"</CompleteMultipartUpload>"
    )
    for method, query in queries:
        for target, choices in (
            ("/theirs/copy", OTHERS),
            ("/theirs/copy", Choices()),
            ("/mine/other", OTHERS),
            ("/mine/copy", Choices()),
        ):
            made = by_header(method, target + query, {}, choices)
            answer = await gateway.ask(method, *made, body if method == "POST" else b"")
            assert answer.code in {"AccessDenied", "NoSuchUpload"}, (method, target, answer)
            assert gateway.touched.written == []


@pytest.mark.parametrize("owner", ["0" * 64, "", "root", "x" * 1000])
async def test_another_expected_owner(gateway: InProcess, owner: str) -> None:
    for method, target in (("GET", "/mine/key"), ("PUT", "/mine/key"), ("DELETE", "/mine")):
        headers = {"x-amz-expected-bucket-owner": owner}
        answer = await gateway.ask(method, *by_header(method, target, headers, OTHERS))
        assert (answer.status, answer.code) == (403, "AccessDenied")
        untouched(gateway)
    headers = {"x-amz-source-expected-bucket-owner": owner}
    made = by_header("PUT", "/mine/key", {}, OTHERS)
    assert (await gateway.ask("PUT", *made, b"hello")).status == 200
    gateway.touched.clear()
    answer = await copy(gateway, "/mine/key", **headers)
    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert gateway.touched.written == []


async def test_root_may_what_the_owner_may(gateway: InProcess) -> None:
    """So that the denials above are not those of everybody."""
    for choices in (Choices(), Choices(pair=ROOT)):
        answer = await gateway.ask("GET", *by_header("GET", "/theirs/key", {}, choices))
        assert (answer.status, answer.body) == (200, b"hello")


async def test_many_deletes_in_one_request_are_the_bucket_s_only(gateway: InProcess) -> None:
    keys = ("../theirs/key", "/theirs/key", "theirs/key", "key")
    body = "<Delete>" + "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)
    made = by_header("POST", "/mine?delete", {}, OTHERS)
    assert (await gateway.ask("POST", *made, (body + "</Delete>").encode())).status == 200
    answer = await gateway.ask("GET", *by_header("GET", "/theirs/key", {}, Choices()))
    assert answer.body == b"hello"
