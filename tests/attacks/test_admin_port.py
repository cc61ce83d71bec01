"""The admin API to whoever may not: nothing is changed, and nothing told.

Negative tests for MinIO CVE-2024-55949, CVE-2024-24747 and CVE-2021-43858 and RustFS GHSA-5354 (who
may little makes or changes somebody who may more), MinIO CVE-2023-28432 (an open route).
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from metastore.engine import Table
from tests.support.inprocess import OPERATOR, OTHER, OWNER, ROOT, Answer, InProcess, Pair
from tests.support.signing import FORMS, UNSIGNED, Choices, Signed, by_header

EMPTY = hashlib.sha256().hexdigest()
ROUTES = [
    ("GET", "/v1/users", b""),
    ("POST", "/v1/users", b'{"name": "made"}'),
    ("POST", "/v1/users", b'{"name": "made", "operator": true}'),
    ("GET", "/v1/users/owner", b""),
    ("DELETE", "/v1/users/other", b""),
    ("GET", "/v1/users/owner/access-keys", b""),
    ("POST", "/v1/users/owner/access-keys", b"{}"),
    ("POST", "/v1/users/operator/access-keys", b"{}"),
    ("DELETE", f"/v1/users/owner/access-keys/{OWNER.access_key}", b""),
    ("GET", "/metrics", b""),
]
EVERY = pytest.mark.parametrize(("method", "target", "body"), ROUTES)


@pytest.fixture
async def gateway() -> InProcess:
    gateway = await InProcess.begin()
    gateway.touched.clear()
    return gateway


def right(body: bytes, pair: Pair = ROOT) -> Choices:
    return Choices(pair=pair, payload=hashlib.sha256(body).hexdigest())


async def ask(gateway: InProcess, method: str, signed: Signed, body: bytes) -> Answer:
    return await gateway.ask(method, *signed, body, handler=gateway.admin.handle)


async def denied(gateway: InProcess, method: str, signed: Signed, body: bytes) -> None:
    """Assert that this is refused, tells nothing and has read no more than who asks."""
    answer = await ask(gateway, method, signed, body)
    assert answer.status in {400, 403, 501}, answer
    assert set(gateway.touched.read) <= {Table.IDENTITIES}
    assert gateway.touched.written == []
    for pair in (ROOT, OWNER, OTHER, OPERATOR):
        assert pair.secret.encode() not in answer.body
    gateway.touched.clear()


@EVERY
async def test_signatures_that_are_wrong(
    gateway: InProcess, method: str, target: str, body: bytes
) -> None:
    wrong = [
        right(body)._replace(pair=Pair(ROOT.access_key, OTHER.secret)),
        right(body)._replace(pair=Pair("NOBODY", ROOT.secret)),
        right(body)._replace(region="eu-west-1"),
        right(body)._replace(service="sts"),
        right(body)._replace(day="20200101"),
        right(body)._replace(now=right(body).moment - 1000),
        right(body)._replace(now=right(body).moment + 1000),
        right(body)._replace(unsigned=("host",)),
    ]
    for choices in wrong:
        await denied(gateway, method, by_header(method, target, {}, choices), body)
    await denied(gateway, method, Signed(target, {}), body)


@EVERY
@pytest.mark.parametrize("form", ["query", "header-v2", "query-v2"])
async def test_signatures_that_are_made_to_be_handed_on(
    gateway: InProcess, method: str, target: str, body: bytes, form: str
) -> None:
    """A presigned URL of S3 for a bucket `v1` must not be one of the admin API."""
    for choices in (Choices(pair=ROOT), right(body)):
        await denied(gateway, method, FORMS[form](method, target, {}, choices), body)


@EVERY
@pytest.mark.parametrize("pair", [OWNER, OTHER])
async def test_users(gateway: InProcess, method: str, target: str, body: bytes, pair: Pair) -> None:
    await denied(gateway, method, by_header(method, target, {}, right(body, pair)), body)


ALTERED: list[Callable[[Signed], Signed]] = [
    lambda signed: signed._replace(target="/v1/users/other"),
    lambda signed: signed._replace(target=signed.target + "?after=x"),
    lambda signed: signed._replace(target=signed.target + "/"),
    lambda signed: signed._replace(headers=signed.headers | {"host": "evil"}),
    lambda signed: signed._replace(headers=signed.headers | {"x-amz-acl": "private"}),
    lambda signed: signed._replace(headers=signed.headers | {"x-amz-content-sha256": UNSIGNED}),
]


@EVERY
async def test_requests_other_than_the_signed_one(
    gateway: InProcess, method: str, target: str, body: bytes
) -> None:
    signed = by_header(method, target, {}, right(body))
    for alter in ALTERED:
        if alter(signed) != signed:
            await denied(gateway, method, alter(signed), body)
    await denied(gateway, method, signed, body + b" ")
    await denied(gateway, "PUT", signed, body)
    for payload in (UNSIGNED, EMPTY, "STREAMING-UNSIGNED-PAYLOAD-TRAILER"):
        made = by_header(method, target, {}, Choices(pair=ROOT, payload=payload))
        await denied(gateway, method, made, body or b"x")


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("POST", "/v1/users", b'{"name": "made", "operator": true}'),
        ("DELETE", "/v1/users/operator", b""),
        ("POST", "/v1/users/operator/access-keys", b"{}"),
        ("DELETE", f"/v1/users/operator/access-keys/{OPERATOR.access_key}", b""),
    ],
)
async def test_operators_make_no_operators_and_change_none(
    gateway: InProcess, method: str, target: str, body: bytes
) -> None:
    await denied(gateway, method, by_header(method, target, {}, right(body, OPERATOR)), body)


@pytest.mark.parametrize("pair", [ROOT, OPERATOR])
@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("POST", "/v1/users/root/access-keys", b"{}"),
        ("DELETE", "/v1/users/root", b""),
        ("POST", "/v1/users", b'{"name": "root"}'),
        ("POST", "/v1/users", b'{"name": "made", "root": true}'),
        ("DELETE", f"/v1/users/root/access-keys/{ROOT.access_key}", b""),
        ("DELETE", f"/v1/users/other/access-keys/{OWNER.access_key}", b""),
        ("POST", "/v1/users/other/access-keys", b'{"access_key": "ROOTKEY0000000000000"}'),
        ("POST", "/v1/users", b'{"name": "made", "access_key": "ROOTKEY0000000000000"}'),
    ],
)
async def test_nobody_changes_root_or_takes_what_is_another_s(
    gateway: InProcess, method: str, target: str, body: bytes, pair: Pair
) -> None:
    answer = await ask(gateway, method, by_header(method, target, {}, right(body, pair)), body)
    identity = by_header("GET", "/", {}, Choices(pair=ROOT))
    assert (await gateway.ask("GET", *identity)).status == 200
    owners = by_header("GET", "/", {}, Choices(pair=OWNER))
    assert (await gateway.ask("GET", *owners)).status == 200
    listed = await ask(gateway, "GET", by_header("GET", "/v1/users", {}, right(b"")), b"")
    assert listed.body.count(b'"root":true') <= 1
    if b'"root": true' not in body:  # a field that is not known is passed over
        assert answer.status in {400, 403, 404, 409}, answer


async def test_the_right_signatures_work(
    gateway: InProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    for method, target, body in ROUTES:
        if b"operator" in body or "operator" in target:
            continue
        for pair in (OPERATOR, ROOT)[: 1 if method in {"POST", "DELETE"} else 2]:
            made = by_header(method, target, {}, right(body, pair))
            answer = await ask(gateway, method, made, body)
            assert answer.status in {200, 201}, (method, target, answer)


async def test_deleted_users_and_keys_sign_nothing_any_more(gateway: InProcess) -> None:
    for target, pair in (
        (f"/v1/users/owner/access-keys/{OWNER.access_key}", OWNER),
        ("/v1/users/other", OTHER),
    ):
        signed = by_header("GET", "/", {}, Choices(pair=pair))
        assert (await gateway.ask("GET", *signed)).status == 200
        made = by_header("DELETE", target, {}, right(b""))
        assert (await ask(gateway, "DELETE", made, b"")).status == 200
        assert (await gateway.ask("GET", *signed)).code == "InvalidAccessKeyId"
