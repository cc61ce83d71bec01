"""Locks hold against who may not, against rows that cannot be read, and against odd dates.

Negative tests for RustFS GHSA-j548 (a lock configuration that cannot be read is taken for none) and
for bypasses of GOVERNANCE mode without the right to them, one by one and in DeleteObjects.
"""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from metastore import codec, keys
from metastore.codec import VersionRow
from metastore.engine import Table
from metastore.records import Bucket, Version
from metastore.retention_records import BucketLock, LockDefault, Retention, RetentionMode
from ocean.rules.retention import LATEST_MS, date_text
from ocean.store import SystemClock
from tests.attacks.test_authorization import ask, statement
from tests.support.inprocess import OTHER, OWNER, ROOT, Answer, InProcess, Pair
from tests.support.signing import Choices, by_header, by_query

KEY = "/bucket/key"
BYPASS = {"x_amz_bypass_governance_retention": "true"}
DAY = 86_400_000
NOW = 1_767_225_600_000  # 2026-01-01T00:00:00Z
GOVERNED = {
    "x_amz_object_lock_mode": "GOVERNANCE",
    "x_amz_object_lock_retain_until_date": "2044-01-01T00:00:00Z",
    "content_md5": "XUFAKrxLKna5cZ2REBfFkg==",  # of hello
}
HELD = {"x_amz_object_lock_legal_hold": "ON", "content_md5": GOVERNED["content_md5"]}


async def store(*statements: dict[str, object]) -> InProcess:
    """OWNER's bucket with object lock under a policy of these statements."""
    gateway = await InProcess.begin()
    made = await ask(gateway, OWNER, "PUT", "/bucket", x_amz_bucket_object_lock_enabled="true")
    assert made.status == 200, made.body
    if statements:
        text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        done = await ask(gateway, OWNER, "PUT", "/bucket?policy", body=text.encode())
        assert done.status == 204, done.body
    return gateway


async def put(gateway: InProcess, target: str = KEY, **headers: str) -> str:
    """The version id of a new version of OWNER's."""
    made = await ask(gateway, OWNER, "PUT", target, body=b"hello", **headers)
    assert made.status == 200, made.body
    gateway.touched.clear()
    return made.headers["x-amz-version-id"]


async def deleted(gateway: InProcess, pair: Pair, version: str, **headers: str) -> Answer:
    return await ask(gateway, pair, "DELETE", f"{KEY}?versionId={version}", **headers)


async def there(gateway: InProcess, version: str, key: str = KEY) -> bool:
    return (await ask(gateway, ROOT, "GET", f"{key}?versionId={version}")).body == b"hello"


async def delete_many(
    gateway: InProcess, pair: Pair, *wanted: tuple[str, str], **headers: str
) -> Answer:
    inside = "".join(
        f"<Object><Key>{key}</Key><VersionId>{version}</VersionId></Object>"
        for key, version in wanted
    )
    body = f"<Delete>{inside}</Delete>".encode()
    return await ask(gateway, pair, "POST", "/bucket?delete", body=body, **headers)


def failed(answer: Answer) -> list[tuple[str, str]]:
    """Key and code of each entry that failed."""
    assert answer.status == 200, answer.body
    return re.findall(r"<Error><Key>(.*?)</Key>.*?<Code>(.*?)</Code>", answer.body.decode())


# --- rights ---------------------------------------------------------------------------------------


async def test_a_bypass_takes_the_right_and_the_header() -> None:
    rights = {"s3:DeleteObjectVersion", "s3:DeleteObject"}
    gateway = await store(statement("Allow", rights))
    version = await put(gateway, **GOVERNED)
    for headers in ({}, BYPASS):
        answer = await deleted(gateway, OTHER, version, **headers)
        assert (answer.status, answer.code) == (403, "AccessDenied")
        many = await delete_many(gateway, OTHER, ("key", version), **headers)
        assert failed(many) == [("key", "AccessDenied")]
        assert gateway.touched.written == []
    gateway = await store(statement("Allow", rights | {"s3:BypassGovernanceRetention"}))
    for form in ("one", "many"):
        version = await put(gateway, **GOVERNED)
        for headers, gone in (({}, False), (BYPASS, True)):
            if form == "one":
                await deleted(gateway, OTHER, version, **headers)
            else:
                await delete_many(gateway, OTHER, ("key", version), **headers)
            assert await there(gateway, version) is not gone


async def test_a_bypass_is_decided_for_each_key_of_many() -> None:
    rights = {"s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"}
    kept = statement("Deny", {"s3:BypassGovernanceRetention"})
    kept["Resource"] = "arn:aws:s3:::bucket/kept/*"
    gateway = await store(statement("Allow", rights), kept)
    wanted = [(key, await put(gateway, f"/bucket/{key}", **GOVERNED)) for key in ("kept/a", "b")]
    many = await delete_many(gateway, OTHER, *wanted, **BYPASS)
    assert failed(many) == [("kept/a", "AccessDenied")]
    for (key, version), stays in zip(wanted, (True, False), strict=True):
        assert await there(gateway, version, f"/bucket/{key}") is stays
    many = await delete_many(gateway, OWNER, wanted[0], **BYPASS)  # the owner is denied it too
    assert failed(many) == [("kept/a", "AccessDenied")]


async def test_a_retention_is_weakened_by_the_same_right() -> None:
    for right, status in (("s3:GetObjectRetention", 403), ("s3:BypassGovernanceRetention", 200)):
        gateway = await store(statement("Allow", {"s3:PutObjectRetention", right}))
        for weaker in (retention(1), retention(1, "COMPLIANCE"), b"<Retention/>"):
            await put(gateway, **GOVERNED)
            for headers, code in (({}, 403), (BYPASS, status)):
                target = f"{KEY}?retention"
                answer = await ask(gateway, OTHER, "PUT", target, body=weaker, **headers)
                assert answer.status == code, (weaker, headers)
        await put(gateway, **GOVERNED)
        longer = retention(365 * 50)
        assert (await ask(gateway, OTHER, "PUT", f"{KEY}?retention", body=longer)).status == 200


async def test_nobody_bypasses_compliance_or_a_legal_hold() -> None:
    gateway = await store()
    compliance = {**GOVERNED, "x_amz_object_lock_mode": "COMPLIANCE"}
    for lock in (compliance, HELD, {**GOVERNED, **HELD}):
        version = await put(gateway, **lock)
        for pair in (OWNER, ROOT):
            answer = await deleted(gateway, pair, version, **BYPASS)
            assert (answer.status, answer.code) == (403, "AccessDenied")
            many = await delete_many(gateway, pair, ("key", version), **BYPASS)
            assert failed(many) == [("key", "AccessDenied")]
        assert gateway.touched.written == []
        assert await there(gateway, version)


async def test_a_bypass_that_nobody_signed() -> None:
    gateway = await store()
    version = await put(gateway, **GOVERNED)
    target = f"{KEY}?versionId={version}"
    name = "x-amz-bypass-governance-retention"
    for signer in (by_header, by_query):
        signed = signer("DELETE", target, {}, Choices())
        with_header = {**signed.headers, name: "true"}
        assert (await gateway.ask("DELETE", signed.target, with_header)).status == 403
        hoisted = f"{signed.target}&{name}=true"
        assert (await gateway.ask("DELETE", hoisted, signed.headers)).status == 403
        assert await there(gateway, version)
    signed = by_query("DELETE", f"{target}&X-Amz-Bypass-Governance-Retention=true", {}, Choices())
    assert (await gateway.ask("DELETE", *signed)).status == 204


async def test_markers_and_versions_are_deleted_by_different_rights() -> None:
    """DeleteObject hides a key, and DeleteObjectVersion is of versions, markers among them."""
    gateway = await store(statement("Allow", {"s3:DeleteObject"}))
    version = await put(gateway)
    hidden = await ask(gateway, OTHER, "DELETE", KEY)
    assert hidden.status == 204
    marker = hidden.headers["x-amz-version-id"]
    for named in (version, marker):
        assert (await deleted(gateway, OTHER, named)).code == "AccessDenied"
        assert failed(await delete_many(gateway, OTHER, ("key", named)))
    gateway = await store(statement("Allow", {"s3:DeleteObjectVersion"}))
    version = await put(gateway, **GOVERNED)
    assert (await ask(gateway, OTHER, "DELETE", KEY)).code == "AccessDenied"
    marker = (await ask(gateway, OWNER, "DELETE", KEY)).headers["x-amz-version-id"]
    gone = await deleted(gateway, OTHER, marker)
    assert (gone.status, gone.headers["x-amz-delete-marker"]) == (204, "true")
    assert await there(gateway, version)


async def test_a_lock_of_a_new_version_takes_a_right_of_its_own() -> None:
    for lock, right in ((GOVERNED, "s3:PutObjectRetention"), (HELD, "s3:PutObjectLegalHold")):
        wrong = {"s3:PutObjectRetention", "s3:PutObjectLegalHold"} - {right}
        gateway = await store(
            statement("Allow", {"s3:PutObject", *wrong}), statement("Deny", {right})
        )
        await put(gateway, "/bucket/source")
        for target, method, more in (
            (KEY, "PUT", {"body": b"hello"}),
            (f"{KEY}?uploads", "POST", {}),
            (KEY, "PUT", {"x_amz_copy_source": "/bucket/source"}),
        ):
            answer = await ask(gateway, OWNER, method, target, **lock, **more)
            assert (answer.status, answer.code) == (403, "AccessDenied"), (target, more)
            assert (gateway.touched.written, gateway.touched.blobs) == ([], [])
        assert (await ask(gateway, OTHER, "PUT", KEY, body=b"hello")).status == 200


async def test_only_who_may_see_a_lock_is_told_of_it() -> None:
    shown = {
        "s3:GetObjectRetention": {
            "x-amz-object-lock-mode": "GOVERNANCE",
            "x-amz-object-lock-retain-until-date": "2044-01-01T00:00:00.000Z",
        },
        "s3:GetObjectLegalHold": {"x-amz-object-lock-legal-hold": "ON"},
    }
    for rights in ((), *[(one,) for one in shown], tuple(shown)):
        gateway = await store(statement("Allow", {"s3:GetObject", *rights}))
        await put(gateway, **GOVERNED, x_amz_object_lock_legal_hold="ON")
        expected = {name: value for one in rights for name, value in shown[one].items()}
        for method in ("GET", "HEAD"):
            answer = await ask(gateway, OTHER, method, KEY)
            assert answer.status == 200
            found = {n: v for n, v in answer.headers.items() if n.startswith("x-amz-object-lock")}
            assert found == expected
            owner = await ask(gateway, OWNER, method, KEY)
            assert owner.headers["x-amz-object-lock-mode"] == "GOVERNANCE"
        for query, right in (("retention", "Retention"), ("legal-hold", "LegalHold")):
            asked = await ask(gateway, OTHER, "GET", f"{KEY}?{query}")
            assert asked.status == (200 if f"s3:GetObject{right}" in rights else 403)


# --- conditions of policies -----------------------------------------------------------------------


def retention(days: float, mode: str = "GOVERNANCE") -> bytes:
    inside = f"<Mode>{mode}</Mode><RetainUntilDate>{date(days)}</RetainUntilDate>"
    return f"<Retention>{inside}</Retention>".encode()


def date(days: float) -> str:
    return date_text(SystemClock().now_ms() + int(days * DAY))


@pytest.mark.parametrize(
    ("condition", "refused", "allowed"),
    [
        (
            {"NumericGreaterThan": {"s3:object-lock-remaining-retention-days": "10"}},
            [retention(10.5), retention(99)],
            [retention(10), retention(9.5)],
        ),
        (
            {"NumericLessThan": {"s3:object-lock-remaining-retention-days": "10"}},
            [retention(8.9)],
            [retention(9.9), retention(10)],
        ),
        (
            {"StringEquals": {"s3:object-lock-mode": "COMPLIANCE"}},
            [retention(1, "COMPLIANCE")],
            [retention(1)],
        ),
        (
            {"DateGreaterThan": {"s3:object-lock-retain-until-date": "2044-01-01T00:00:00Z"}},
            [retention(365 * 30)],
            [retention(1)],
        ),
        ({"Null": {"s3:object-lock-mode": "true"}}, [b"<Retention/>"], [retention(1)]),
    ],
)
async def test_a_policy_asks_of_the_retention_in_the_document(
    condition: dict[str, Any], refused: list[bytes], allowed: list[bytes]
) -> None:
    """A header that says something else says nothing."""
    denied = statement("Deny", {"s3:PutObjectRetention"}, Condition=condition)
    gateway = await store(denied)
    await put(gateway)
    for document in refused:
        for headers in ({}, GOVERNED | {"x_amz_object_lock_retain_until_date": date(9.5)}):
            sent = {name: value for name, value in headers.items() if name != "content_md5"}
            answer = await ask(gateway, OWNER, "PUT", f"{KEY}?retention", body=document, **sent)
            assert (answer.status, answer.code) == (403, "AccessDenied")
            assert gateway.touched.written == []
    for document in allowed:
        await put(gateway)
        answer = await ask(gateway, OWNER, "PUT", f"{KEY}?retention", body=document)
        assert answer.status == 200, answer.body


async def test_a_policy_asks_of_the_legal_hold_in_the_document() -> None:
    condition = {"StringEquals": {"s3:object-lock-legal-hold": "OFF"}}
    gateway = await store(statement("Deny", {"s3:PutObjectLegalHold"}, Condition=condition))
    await put(gateway)
    for status, code in (("ON", 200), ("OFF", 403), ("ON", 200)):
        body = f"<LegalHold><Status>{status}</Status></LegalHold>".encode()
        answer = await ask(
            gateway,
            OWNER,
            "PUT",
            f"{KEY}?legal-hold",
            body=body,
            x_amz_object_lock_legal_hold="ON",
        )
        assert answer.status == code


async def test_a_policy_asks_of_the_lock_in_the_headers() -> None:
    condition = {"StringNotEqualsIfExists": {"s3:object-lock-mode": "COMPLIANCE"}}
    gateway = await store(
        statement("Deny", {"s3:PutObject", "s3:PutObjectRetention"}, Condition=condition)
    )
    answer = await ask(gateway, OWNER, "PUT", KEY, body=b"hello", **GOVERNED)
    assert (answer.status, answer.code) == (403, "AccessDenied")
    await put(gateway, **{**GOVERNED, "x_amz_object_lock_mode": "COMPLIANCE"})


# --- rows that cannot be read ---------------------------------------------------------------------

OFF = b"<LegalHold><Status>OFF</Status></LegalHold>"
STRANGE = Retention(7, LATEST_MS)  # type: ignore[arg-type]  # a mode of a newer release


def newer(data: bytes, position: int) -> bytes:
    """The row in a format that this release does not know."""
    return data[:position] + bytes((codec.FORMAT + 1,)) + data[position + 1 :]


def rotten(data: bytes, _position: int) -> bytes:
    return data[:-1] + bytes((data[-1] ^ 1,))


async def spoil(
    gateway: InProcess, table: Table, change: Callable[[bytes], bytes]
) -> dict[bytes, bytes]:
    """Change all rows of a table; what they are then."""
    values = gateway.ocean.meta.engine._values  # type: ignore[attr-defined]
    rows: dict[bytes, bytes] = values[table]
    for key, data in list(rows.items()):
        rows[key] = change(data)
    return dict(rows)


async def refused_all(gateway: InProcess, version: str) -> None:
    """No way to delete it for good gets through."""
    for pair in (OWNER, ROOT):
        answer = await deleted(gateway, pair, version, **BYPASS)
        assert answer.status == 500, answer.body
        many = await delete_many(gateway, pair, ("key", version), **BYPASS)
        assert many.status == 500 or failed(many) == [("key", "InternalError")]
        for query, body in (("retention", b"<Retention/>"), ("legal-hold", OFF)):
            target = f"{KEY}?{query}&versionId={version}"
            assert (await ask(gateway, pair, "PUT", target, body=body, **BYPASS)).status == 500
    assert gateway.touched.written == []


@pytest.mark.parametrize("spoiled", [newer, rotten])
@pytest.mark.parametrize("current", [True, False])
async def test_a_version_whose_row_cannot_be_read_is_not_deleted(
    spoiled: Callable[[bytes, int], bytes], current: bool
) -> None:
    gateway = await store()
    version = await put(gateway, **GOVERNED)
    if not current:
        await put(gateway)
    table = Table.OBJECTS if current else Table.VERSIONS
    before = await spoil(gateway, table, lambda data: spoiled(data, 1))
    await refused_all(gateway, version)
    assert await spoil(gateway, table, lambda data: data) == before


@pytest.mark.parametrize("current", [True, False])
async def test_a_retention_that_cannot_be_understood_is_not_taken_for_none(current: bool) -> None:
    gateway = await store()
    version = await put(gateway)
    if not current:
        await put(gateway)

    def strange(data: bytes) -> bytes:
        if current:
            head = codec.decode_head(data)
            assert head.current is not None
            return codec.encode_head(replace(head, current=with_strange(head.current)))
        row = codec.decode_version(data)
        return codec.encode_version(VersionRow(with_strange(row.version), row.trail, row.trash))

    def with_strange(found: Version) -> Version:
        return replace(found, retention=STRANGE)

    table = Table.OBJECTS if current else Table.VERSIONS
    before = await spoil(gateway, table, strange)
    await refused_all(gateway, version)
    assert await spoil(gateway, table, lambda data: data) == before


@pytest.mark.parametrize("how", ["newer", "rotten", "strange"])
async def test_a_bucket_whose_lock_cannot_be_read_is_not_taken_for_one_without(how: str) -> None:
    """RustFS GHSA-j548: unreadable lock config treated as no lock."""
    gateway = await store()
    version = await put(gateway, **GOVERNED)
    default = LockDefault(7, days=1)  # type: ignore[arg-type]

    def change(data: bytes) -> bytes:
        if how != "strange":
            return {"newer": newer, "rotten": rotten}[how](data, 0)
        return codec.encode(replace(codec.decode(Bucket, data), lock=BucketLock(default)))

    before = await spoil(gateway, Table.BUCKETS, change)
    await refused_all(gateway, version)
    for method, target, body in (
        ("PUT", KEY, b"hello"),
        ("DELETE", KEY, b""),
        ("DELETE", "/bucket", b""),
        ("PUT", "/bucket?versioning", b"<VersioningConfiguration/>"),
        ("PUT", "/bucket?object-lock", b"<ObjectLockConfiguration/>"),
    ):
        answer = await ask(gateway, OWNER, method, target, body=body)
        assert answer.status == 500, (method, target)
    assert gateway.touched.written == []
    assert await spoil(gateway, Table.BUCKETS, lambda data: data) == before


async def test_of_many_one_that_cannot_be_read_fails_alone() -> None:
    gateway = await store()
    wanted = [(key, await put(gateway, f"/bucket/{key}")) for key in ("a", "b", "c")]
    bucket = await gateway.ocean.meta.buckets.find("bucket")
    assert bucket is not None
    bad = keys.object_row(bucket.id, "b")
    rows = gateway.ocean.meta.engine._values[Table.OBJECTS]  # type: ignore[attr-defined]
    rows[bad] = newer(rows[bad], 1)
    many = await delete_many(gateway, OWNER, *wanted)
    assert failed(many) == [("b", "InternalError")]
    assert [await there(gateway, version, f"/bucket/{key}") for key, version in wanted[::2]] == [
        False,
        False,
    ]


# --- dates and clocks -----------------------------------------------------------------------------

DATES = [
    "", " ", "0", "-1", "2044", "2044-01", "2044-13-01", "2044-02-30", "2044-01-01T24:00:01Z",
    "2044-01-01T00:00:60Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-00:01", "10000-01-01T00:00:00Z",
    "99999999999999999999", "2044-01-01T00:00:00+99:99", "2044-01-01T00:00:00Zulu",
    "2044-01-01T00:00:00Z2045-01-01", "+2044-01-01T00:00:00Z", "٢٠٤٤-01-01T00:00:00Z",
    "Fri, 01 Jan 2044 00:00:00 GMT", "NaN", "1e9", "2044-01-01T00:00:00ZZ", "x" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("text", DATES)
async def test_dates_that_are_none(text: str) -> None:
    gateway = await store()
    await put(gateway)
    headers = {**GOVERNED, "x_amz_object_lock_retain_until_date": text}
    answer = await ask(gateway, OWNER, "PUT", KEY, body=b"hello", **headers)
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    body = (
        f"<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>{text}</RetainUntilDate></Retention>"
    )
    answer = await ask(gateway, OWNER, "PUT", f"{KEY}?retention", body=body.encode())
    assert answer.status == 400
    assert answer.code in {"InvalidArgument", "MalformedXML"}
    assert (gateway.touched.written, gateway.touched.blobs) == ([], [])


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.ms = NOW

    def now_ms(self) -> int:
        return self.ms


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    found = Hands()
    monkeypatch.setattr(SystemClock, "now_ms", lambda _self: found.ms)
    return found


async def test_a_retention_ends_by_the_server_s_clock(hands: Hands) -> None:
    gateway = await store()
    there_ = "2026-01-01T05:30:01+05:30"  # a second later than NOW
    lock = {**GOVERNED, "x_amz_object_lock_mode": "COMPLIANCE"}
    for past in ("2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", "2026-01-01T05:30:00+05:30"):
        sent = lock | {"x_amz_object_lock_retain_until_date": past}
        answer = await ask(gateway, OWNER, "PUT", KEY, body=b"hello", **sent)
        assert (answer.status, answer.code) == (400, "InvalidArgument")
    version = await put(gateway, **lock | {"x_amz_object_lock_retain_until_date": there_})
    for moment, status in ((0, 403), (999, 403), (-DAY, 403), (1000, 204)):
        hands.ms = NOW + moment
        answer = await deleted(gateway, OWNER, version, **BYPASS)
        assert answer.status == status, moment


async def test_a_clock_that_was_set_back_shortens_nothing(hands: Hands) -> None:
    """What is the future then may still be less than what was promised."""
    gateway = await store()
    version = await put(gateway, **{**GOVERNED, "x_amz_object_lock_mode": "COMPLIANCE"})
    hands.ms = NOW - 3650 * DAY
    body = (
        b"<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>2020-01-01T00:00:00Z"
        b"</RetainUntilDate></Retention>"
    )
    for document in (body, b"<Retention/>"):
        answer = await ask(gateway, ROOT, "PUT", f"{KEY}?retention", body=document, **BYPASS)
        assert (answer.status, answer.code) == (403, "AccessDenied")
    hands.ms = NOW
    assert (await deleted(gateway, ROOT, version, **BYPASS)).status == 403


async def test_a_default_beyond_the_last_year_ends_with_it(hands: Hands) -> None:
    gateway = await store()
    body = (
        b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>"
        b"<DefaultRetention><Mode>COMPLIANCE</Mode><Years>100</Years></DefaultRetention></Rule>"
        b"</ObjectLockConfiguration>"
    )
    assert (await ask(gateway, OWNER, "PUT", "/bucket?object-lock", body=body)).status == 200
    hands.ms = LATEST_MS - DAY
    version = await put(gateway, content_md5=GOVERNED["content_md5"])
    head = await ask(gateway, OWNER, "HEAD", KEY)
    found = head.headers["x-amz-object-lock-retain-until-date"]
    assert found == "9999-12-31T23:59:59.999Z"
    assert (await deleted(gateway, ROOT, version, **BYPASS)).status == 403


# --- work -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("current", [True, False])
async def test_extending_a_retention_writes_one_row(current: bool) -> None:
    """And, of a version that is not current, its key's Head, so that nobody drops it unseen."""
    gateway = await store()
    version = await put(gateway, **GOVERNED)
    if not current:
        await put(gateway)
    body = retention(365 * 50)
    target = f"{KEY}?retention&versionId={version}"
    answer = await ask(gateway, OWNER, "PUT", target, body=body)
    assert answer.status == 200
    wanted = [Table.OBJECTS] if current else [Table.VERSIONS, Table.OBJECTS]
    assert gateway.touched.written == wanted
    assert gateway.touched.blobs == []
    assert RetentionMode.GOVERNANCE.name in (await ask(gateway, OWNER, "GET", target)).body.decode()
