"""Forms that must be refused, and what of them reaches the stores: nothing but the credential.

Negative tests for MinIO CVE-2023-28434 and Ceph CVE-2023-43040 (a field names another bucket than
the one that is checked) and RustFS GHSA-w5fh (conditions of the policy were not enforced).
"""

from base64 import b64decode, b64encode
from itertools import chain, repeat
from typing import Any

import pytest

from metastore.engine import Table
from tests.support.inprocess import OTHER, OWNER, ROOT, Answer, InProcess, Pair
from tests.support.posting import (
    SIGNERS,
    TYPE,
    Fields,
    Form,
    conditions_of,
    policy,
    sign_v2,
    sign_v4,
)
from tests.support.signing import FORMS, Choices

V = pytest.mark.parametrize("version", ["v4", "v2"])
KEY: Fields = {"key": "photos/${filename}"}
OWNERS = Choices()


async def store(*buckets: str) -> InProcess:
    gateway = await InProcess.begin()
    for bucket in ("bucket", *buckets):
        made = FORMS["header"]("PUT", f"/{bucket}", {}, OWNERS)
        assert (await gateway.ask("PUT", *made)).status == 200
    gateway.touched.clear()
    return gateway


async def post(gateway: InProcess, form: Form, target: str = "/bucket", **headers: str) -> Answer:
    return await gateway.ask("POST", target, form.headers | headers, form.body)


async def get(gateway: InProcess, key: str, method: str = "GET") -> Answer:
    return await gateway.ask(method, *FORMS["header"](method, f"/bucket/{key}", {}, OWNERS))


def unnoticed(gateway: InProcess, *tables: Table) -> None:
    """Assert that nothing was written, and nothing else read than these tables."""
    touched = gateway.touched
    assert (touched.written, touched.blobs) == ([], [])
    assert set(touched.read) <= {Table.IDENTITIES, *tables}
    touched.clear()


# --- what works -----------------------------------------------------------------------------------


@V
async def test_a_form_stores_its_file(version: str) -> None:
    gateway = await store()
    given = KEY | {"Content-Type": "image/png", "x-amz-meta-who": "me", "Cache-Control": "no-cache"}
    conditions = [*conditions_of({n: v for n, v in given.items() if n != "key"})]
    conditions += [["starts-with", "$key", "photos/"], ["content-length-range", 5, 5]]
    answer = await post(gateway, Form(SIGNERS[version](given, OWNERS, conditions)))
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["location"] == "http://s3.test/bucket/photos/photo.jpg"
    found = await get(gateway, "photos/photo.jpg")
    assert (found.status, found.body) == (200, b"hello")
    kept = {name: found.headers.get(name) for name in ("content-type", "x-amz-meta-who")}
    assert kept == {"content-type": "image/png", "x-amz-meta-who": "me"}
    assert found.headers["cache-control"] == "no-cache"
    assert answer.headers["etag"] == found.headers["etag"]


@pytest.mark.parametrize(("stated", "status"), [("200", 200), ("201", 201), ("404", 204)])
async def test_success_action_status(stated: str, status: int) -> None:
    gateway = await store()
    fields = sign_v4({"key": "a b&c", "success_action_status": stated}, OWNERS)
    answer = await post(gateway, Form(fields))
    assert answer.status == status
    if status == 201:
        assert b"<PostResponse><Location>http://s3.test/bucket/a%20b%26c</Location>" in answer.body
        assert b"<Bucket>bucket</Bucket><Key>a b&amp;c</Key><ETag>" in answer.body
    else:
        assert answer.body == b""


@pytest.mark.parametrize("name", ["success_action_redirect", "redirect"])
async def test_the_browser_is_sent_on(name: str) -> None:
    gateway = await store()
    fields = sign_v4({"key": "a/ü", name: "https://example.com/done?x=1"}, OWNERS)
    answer = await post(gateway, Form(fields))
    assert answer.status == 303
    etag = "%225d41402abc4b2a76b9719d911017c592%22"
    told = f"bucket=bucket&key=a%2F%C3%BC&etag={etag}".replace("%2F", "/")
    assert answer.headers["location"] in {
        f"https://example.com/done?x=1&{told}",
        f"https://example.com/done?x=1&{told.replace('a/', 'a%2F')}",
    }


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "//evil", "/x", "x", "http://", "http://[", "http://a/\r\nx: y", ""],
)
async def test_a_redirect_to_no_page_is_as_if_not_there(url: str) -> None:
    gateway = await store()
    answer = await post(gateway, Form(sign_v4({"key": "k", "redirect": url}, OWNERS)))
    assert (answer.status, answer.headers["location"]) == (204, "http://s3.test/bucket/k")


async def test_tags_checksum_and_md5_of_a_form() -> None:
    gateway = await store()
    tagging = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
    digests = {"Content-MD5": "XUFAKrxLKna5cZ2REBfFkg==", "x-amz-checksum-crc32": "NhCmhg=="}
    fields = sign_v4({"key": "k", "tagging": tagging, **digests}, OWNERS)
    answer = await post(gateway, Form(fields))
    assert (answer.status, answer.headers["x-amz-checksum-crc32"]) == (204, "NhCmhg==")
    assert (await get(gateway, "k")).headers["x-amz-tagging-count"] == "1"


async def test_a_form_in_any_pieces_and_by_virtual_host() -> None:
    gateway = await store()
    form = Form(sign_v4({"key": "k"}, OWNERS), content=b"\r\n--" * 3000)
    pieces = [form.body[at : at + 7] for at in range(0, len(form.body), 7)]
    headers = form.headers | {"host": "bucket.localhost"}
    assert (await gateway.ask("POST", "/", headers, pieces)).status == 204
    assert (await get(gateway, "k")).body == form.content


# --- who signed -----------------------------------------------------------------------------------


@V
@pytest.mark.parametrize(
    "choices",
    [
        Choices(pair=Pair(OWNER.access_key, OTHER.secret)),
        Choices(pair=Pair("NOBODYKEY00000000000", OWNER.secret)),
        Choices(pair=Pair("", OWNER.secret)),
    ],
)
async def test_a_wrong_pair(version: str, choices: Choices) -> None:
    gateway = await store()
    answer = await post(gateway, Form(SIGNERS[version](KEY, choices)))
    assert answer.status in {400, 403}
    unnoticed(gateway)


@pytest.mark.parametrize(
    "choices",
    [
        Choices(region="eu-west-1"),
        Choices(service="sts"),
        Choices(terminal="x"),
        Choices(day="20200101"),
        Choices(day="x"),
    ],
)
async def test_a_wrong_scope(choices: Choices) -> None:
    gateway = await store()
    answer = await post(gateway, Form(sign_v4(KEY, choices)))
    assert answer.status in {400, 403}
    unnoticed(gateway)


@V
async def test_an_expired_policy(version: str) -> None:
    gateway = await store()
    answer = await post(gateway, Form(SIGNERS[version](KEY, OWNERS, seconds=-1)))
    assert (answer.status, answer.code) == (403, "AccessDenied")
    unnoticed(gateway)


@V
async def test_another_user_may_not(version: str) -> None:
    gateway = await store()
    answer = await post(gateway, Form(SIGNERS[version](KEY, Choices(pair=OTHER))))
    assert (answer.status, answer.code) == (403, "AccessDenied")
    unnoticed(gateway, Table.BUCKETS)


async def test_nobody_may_not() -> None:
    gateway = await store()
    answer = await post(gateway, Form(KEY))
    assert (answer.status, answer.code) == (403, "AccessDenied")
    unnoticed(gateway, Table.BUCKETS)


@V
async def test_a_claim_without_one_of_its_fields(version: str) -> None:
    gateway = await store()
    whole = SIGNERS[version](KEY, OWNERS)
    for name in list(whole)[1:]:
        fields = {n: v for n, v in whole.items() if n != name}
        answer = await post(gateway, Form(fields))
        assert answer.status in {400, 403}, name
        unnoticed(gateway)
        answer = await post(gateway, Form(fields | {name: ""}))
        refused = {501} if name == "x-amz-algorithm" else {400, 403}
        assert answer.status in refused, name
        unnoticed(gateway)


async def test_two_claims_in_one_form() -> None:
    gateway = await store()
    both = sign_v4(KEY, OWNERS) | sign_v2(KEY, OWNERS)
    assert (await post(gateway, Form(both))).status in {400, 403}
    unnoticed(gateway)


@pytest.mark.parametrize("kind", sorted(FORMS))
async def test_a_form_in_a_signed_request(kind: str) -> None:
    gateway = await store()
    for fields in (KEY, sign_v4(KEY, OWNERS)):
        form = Form(fields)
        target, headers = FORMS[kind]("POST", "/bucket", form.headers, OWNERS)
        answer = await gateway.ask("POST", target, headers, form.body)
        assert answer.status == 400
        unnoticed(gateway)


async def test_headers_that_no_policy_covers() -> None:
    gateway = await store()
    form = Form(sign_v4(KEY, OWNERS))
    for name in ("x-amz-acl", "x-amz-meta-a", "x-amz-tagging", "x-amz-trailer", "x-amz-date"):
        answer = await gateway.ask("POST", "/bucket", form.headers | {name: "x"}, form.body)
        assert answer.status == 403
        unnoticed(gateway)


# --- what was signed ------------------------------------------------------------------------------


def _flip(text: str) -> str:
    raw = bytearray(b64decode(text))
    raw[20] ^= 1
    return b64encode(raw).decode()


@V
async def test_a_policy_other_than_the_signed_one(version: str) -> None:
    gateway = await store()
    fields = SIGNERS[version](KEY, OWNERS)
    for other in (_flip(fields["policy"]), policy([]), policy(conditions_of(KEY)), "", "!"):
        answer = await post(gateway, Form(fields | {"policy": other}))
        assert answer.status in {400, 403}
        unnoticed(gateway)


@V
@pytest.mark.parametrize(
    ("conditions", "fields"),
    [
        ([{"bucket": "bucket"}], {"key": "k"}),
        ([{"key": "k"}], {"key": "k"}),
        ([{"bucket": "other"}, {"key": "k"}], {"key": "k"}),
        ([{"bucket": "bucket"}, {"key": "k"}], {"key": "K"}),
        ([{"bucket": "bucket"}, ["eq", "$key", "k"]], {"key": "k2"}),
        ([{"bucket": "bucket"}, ["starts-with", "$key", "user/a"]], {"key": "user/b/a"}),
        ([{"bucket": "bucket"}, {"key": "k"}], {"key": "k", "x-amz-meta-a": "1"}),
        ([{"bucket": "bucket"}, {"key": "k"}], {"key": "k", "Content-Type": "text/html"}),
        ([{"bucket": "bucket"}, {"key": "k"}], {"key": "k", "tagging": "<Tagging/>"}),
        ([{"bucket": "bucket"}, {"key": "k"}], {"key": "k", "success_action_redirect": "http://e"}),
        ([{"bucket": "bucket"}, {"key": "k"}, {"acl": "private"}], {"key": "k"}),
        (
            [{"bucket": "bucket"}, {"key": "k"}, ["starts-with", "$Content-Type", "image/"]],
            {"key": "k", "Content-Type": "text/html"},
        ),
        (
            [{"bucket": "bucket"}, {"key": "k"}, ["starts-with", "$Content-Type", "image/"]],
            {"key": "k", "Content-Type": "image/png,text/html"},
        ),
        (
            [{"bucket": "bucket"}, {"key": "k"}, {"x-amz-meta-a": "1"}],
            {"key": "k", "x-amz-meta-a": "2"},
        ),
    ],
)
async def test_conditions_that_the_form_does_not_fulfil(
    version: str, conditions: list[Any], fields: Fields
) -> None:
    gateway = await store()
    answer = await post(gateway, Form(SIGNERS[version](fields, OWNERS, conditions)))
    assert (answer.status, answer.code) == (403, "AccessDenied")
    unnoticed(gateway)


@V
@pytest.mark.parametrize(
    ("low", "high", "code"), [(6, 9, "EntityTooSmall"), (0, 4, "EntityTooLarge")]
)
@pytest.mark.parametrize("factor", [1, 300_000])
async def test_sizes_that_the_policy_does_not_allow(
    version: str, low: int, high: int, code: str, factor: int
) -> None:
    gateway = await store()
    limits = ["content-length-range", low * factor, high * factor]
    fields = SIGNERS[version]({"key": "k"}, OWNERS, [*conditions_of({"key": "k"}), limits])
    answer = await post(gateway, Form(fields, content=b"hello" * factor))
    assert (answer.status, answer.code) == (400, code)
    assert gateway.touched.written == []
    assert (await get(gateway, "k")).status == 404


async def test_a_size_is_enforced_before_all_of_the_file_came() -> None:
    gateway = await store()
    conditions = [*conditions_of({"key": "k"}), ["content-length-range", 0, 1 << 20]]
    form = Form(sign_v4({"key": "k"}, OWNERS, conditions))
    start = form.body.partition(b"hello")[0]
    endless = chain([start], repeat(bytes(1 << 16)))
    answer = await gateway.ask("POST", "/bucket", form.headers, endless, length=1 << 40)
    assert answer.code == "EntityTooLarge"
    assert gateway.touched.taken <= 2 << 20
    assert (await get(gateway, "k", "HEAD")).status == 404


# --- which bucket and key -------------------------------------------------------------------------


@V
@pytest.mark.parametrize("named", ["theirs", "bucket/../theirs", "", "BUCKET", ".ocean"])
async def test_a_field_that_names_another_bucket(version: str, named: str) -> None:
    gateway = await store("theirs")
    fields = {"key": "k", "bucket": named}
    for conditions in ([{"bucket": "bucket"}, {"key": "k"}], [{"bucket": named}, {"key": "k"}]):
        answer = await post(gateway, Form(SIGNERS[version](fields, OWNERS, conditions)))
        assert (answer.status, answer.code) == (403, "AccessDenied")
        unnoticed(gateway)


@V
@pytest.mark.parametrize("pair", [OWNER, ROOT])
async def test_a_form_signed_for_one_bucket_sent_to_another(version: str, pair: Pair) -> None:
    gateway = await store("theirs")
    form = Form(SIGNERS[version]({"key": "k"}, Choices(pair=pair)))
    for target in ("/theirs", "/theirs/", "/%74heirs"):
        answer = await post(gateway, form, target)
        assert (answer.status, answer.code) == (403, "AccessDenied")
        unnoticed(gateway)
    answer = await post(gateway, form, "/bucket/../theirs")
    assert answer.status == 405  # a key: forms go to buckets
    unnoticed(gateway, Table.BUCKETS)


@pytest.mark.parametrize("key", ["../theirs/k", "/../../theirs/k", "..\\theirs\\k", "a//b", "."])
async def test_a_key_stays_in_its_bucket(key: str) -> None:
    gateway = await store("theirs")
    answer = await post(gateway, Form(sign_v4({"key": key}, OWNERS)))
    assert answer.status == 204
    listed = await gateway.ask("GET", *FORMS["header"]("GET", "/theirs", {}, OWNERS))
    assert b"<Key>" not in listed.body
    listed = await gateway.ask("GET", *FORMS["header"]("GET", "/bucket", {}, OWNERS))
    assert f"<Key>{key}</Key>".encode() in listed.body


@pytest.mark.parametrize("filename", ["../../theirs/x", "C:\\fakepath\\x", "a/b/x"])
async def test_folders_of_a_file_name_do_not_count(filename: str) -> None:
    gateway = await store()
    form = Form(sign_v4(KEY, OWNERS, [{"bucket": "bucket"}, ["starts-with", "$key", ""]]))
    assert (await post(gateway, form._replace(filename=filename))).status == 204
    assert (await get(gateway, "photos/x")).body == b"hello"


@pytest.mark.parametrize(
    ("key", "code"), [("", "InvalidArgument"), ("k" * 1025, "KeyTooLongError")]
)
async def test_keys_that_are_none(key: str, code: str) -> None:
    gateway = await store()
    answer = await post(gateway, Form(sign_v4({"key": key}, OWNERS)))
    assert (answer.status, answer.code) == (400, code)
    answer = await post(gateway, Form(sign_v4({}, OWNERS)))
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    unnoticed(gateway)


# --- features that are not there, and forms that are none -----------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-server-side-encryption", "aws:kms:dsse"),
        ("x-amz-object-lock-event-hold", "ON"),
        ("x-amz-storage-class", "GLACIER"),
        ("x-amz-website-redirect-location", "/"),
        ("x-amz-copy-source", "/bucket/secret"),
        ("x-amz-replication-status", "REPLICA"),
        ("x-amz-tagging", "a=b"),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
    ],
)
async def test_fields_of_features_that_are_not_there(name: str, value: str) -> None:
    gateway = await store()
    answer = await post(gateway, Form(sign_v4({"key": "k", name: value}, OWNERS)))
    assert (answer.status, answer.code) == (501, "NotImplemented")
    assert f">{name}<".encode() in answer.body
    unnoticed(gateway, Table.BUCKETS)


@pytest.mark.parametrize(
    ("name", "value"),
    [("Content-MD5", "XUFAKrxLKna5cZ2REBfFkA=="), ("x-amz-checksum-crc32", "AAAAAA==")],
)
async def test_digests_that_are_not_the_file_s(name: str, value: str) -> None:
    gateway = await store()
    answer = await post(gateway, Form(sign_v4({"key": "k", name: value}, OWNERS)))
    assert (answer.status, answer.code) == (400, "BadDigest")
    assert gateway.touched.written == []


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x" * 9]
)
async def test_a_body_that_is_no_form(kind: str) -> None:
    gateway = await store()
    form = Form(sign_v4(KEY, OWNERS))
    answer = await gateway.ask("POST", "/bucket", {"content-type": kind}, form.body)
    assert answer.status in {400, 412}
    unnoticed(gateway)


async def test_a_form_cut_anywhere_stores_nothing() -> None:
    gateway = await store()
    body = Form(sign_v4({"key": "k"}, OWNERS)).body
    end = body.rindex(b"--\r\n") + 2
    for size in range(0, end, 5):
        answer = await gateway.ask("POST", "/bucket", {"content-type": TYPE}, body[:size])
        assert answer.status in {400, 403}, size
        assert gateway.touched.written == [], size
    assert (await get(gateway, "k")).status == 404


async def test_fields_without_an_end_are_not_read_for_ever() -> None:
    gateway = await store()
    start = Form(sign_v4({"key": "k"}, OWNERS)).body.partition(b'name="file"')[0]
    answer = await gateway.ask(
        "POST", "/bucket", {"content-type": TYPE}, [start, *[b"a: b\r\n" * 1000] * 100]
    )
    assert (answer.status, answer.code) == (400, "MaxPostPreDataLengthExceededError")
    assert gateway.touched.taken < 64 << 10
    unnoticed(gateway)
