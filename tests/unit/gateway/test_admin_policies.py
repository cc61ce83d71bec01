"""The admin API of identity policies and groups: what it answers, and to whom."""

import hashlib
import json
from typing import Any

import pytest

from gateway.admin.api import MAX_BODY
from metastore.engine import Table
from tests.support.inprocess import OPERATOR, OTHER, OWNER, ROOT, Answer, InProcess, Pair
from tests.support.signing import Choices, Signed, by_header

DOCUMENT = b'{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}\n'


class Admin:
    """The admin API, asked with signatures. `owner` has a policy and is in a group."""

    def __init__(self, gateway: InProcess) -> None:
        self.gateway = gateway

    @classmethod
    async def make(cls) -> "Admin":
        admin = cls(await InProcess.begin())
        for method, target, body in (
            ("PUT", "/v1/policies/readers", DOCUMENT),
            ("PUT", "/v1/policies/spare", DOCUMENT),
            ("PUT", "/v1/groups/staff", b""),
            ("PUT", "/v1/groups/empty", b""),
            ("PUT", "/v1/groups/staff/policies/readers", b""),
            ("PUT", "/v1/users/owner/policies/readers", b""),
            ("PUT", "/v1/groups/staff/members/owner", b""),
            ("PUT", "/v1/users/operator/policies/readers", b""),
            ("PUT", "/v1/groups/staff/members/operator", b""),
        ):
            assert (await admin.call(method, target, body))[0] in {200, 201}
        admin.gateway.touched.clear()
        return admin

    async def ask(self, method: str, signed: Signed, body: bytes) -> Answer:
        handler = self.gateway.admin.handle
        return await self.gateway.ask(method, *signed, body, handler=handler)

    async def call(
        self, method: str, target: str, body: bytes = b"", by: Pair = ROOT
    ) -> tuple[int, Any]:
        """Status and JSON of a rightly signed request."""
        answer = await self.ask(method, by_header(method, target, {}, right(body, by)), body)
        return answer.status, json.loads(answer.body)


def right(body: bytes, pair: Pair = ROOT) -> Choices:
    return Choices(pair=pair, payload=hashlib.sha256(body).hexdigest())


async def test_policies_from_birth_to_death() -> None:
    admin = Admin(await InProcess.begin())
    assert await admin.call("GET", "/v1/policies") == (200, {"policies": []})
    target = "/v1/policies/readers"
    assert await admin.call("PUT", target, DOCUMENT) == (200, {"name": "readers"})
    answer = await admin.ask("GET", by_header("GET", target, {}, right(b"")), b"")
    assert (answer.status, answer.body) == (200, DOCUMENT)
    assert answer.headers["Content-Type"] == "application/json"
    await admin.call("PUT", "/v1/groups/staff")
    await admin.call("PUT", "/v1/groups/staff/policies/readers")
    listed = {"policies": [{"name": "readers", "groups": ["staff"]}]}
    assert await admin.call("GET", "/v1/policies") == (200, listed)
    status, refused = await admin.call("DELETE", target)
    assert (status, refused["error"]["code"]) == (409, "InUse")
    await admin.call("DELETE", "/v1/groups/staff/policies/readers")
    assert await admin.call("DELETE", target) == (200, {"name": "readers"})
    assert (await admin.call("GET", target))[0] == 404


async def test_groups_from_birth_to_death() -> None:
    admin = Admin(await InProcess.begin())
    await admin.call("PUT", "/v1/policies/readers", DOCUMENT)
    target = "/v1/groups/staff"
    assert await admin.call("PUT", target) == (201, {"name": "staff"})
    status, refused = await admin.call("PUT", target)
    assert (status, refused["error"]["code"]) == (409, "Taken")
    shown = {"name": "staff", "policies": ["readers"]}
    assert await admin.call("PUT", f"{target}/policies/readers") == (200, shown)
    status, user = await admin.call("PUT", f"{target}/members/owner")
    assert (status, user["name"], user["groups"]) == (200, "owner", ["staff"])
    assert await admin.call("GET", "/v1/groups") == (200, {"groups": [shown]})
    assert await admin.call("GET", target) == (200, {**shown, "members": ["owner"]})
    assert (await admin.call("DELETE", target))[0] == 409
    assert (await admin.call("DELETE", f"{target}/members/owner"))[1]["groups"] == []
    assert (await admin.call("DELETE", f"{target}/policies/readers"))[1]["policies"] == []
    assert await admin.call("DELETE", target) == (200, {"name": "staff"})
    assert (await admin.call("GET", target))[0] == 404


async def test_a_user_is_shown_with_what_is_attached_to_it() -> None:
    admin = await Admin.make()
    status, user = await admin.call("GET", "/v1/users/owner")
    assert (status, user["policies"], user["groups"]) == (200, ["readers"], ["staff"])
    status, changed = await admin.call("DELETE", "/v1/users/owner/policies/readers")
    assert (status, changed) == (200, user | {"policies": []})
    status, changed = await admin.call("PUT", "/v1/users/owner/policies/spare")
    assert changed["policies"] == ["spare"]
    assert (await admin.call("GET", "/v1/users"))[1]["users"][2] == changed


@pytest.mark.parametrize(
    ("method", "target", "status", "code"),
    [
        ("GET", "/v1/policies/nothing", 404, "Absent"),
        ("DELETE", "/v1/policies/nothing", 404, "Absent"),
        ("GET", "/v1/groups/nothing", 404, "Absent"),
        ("DELETE", "/v1/groups/nothing", 404, "Absent"),
        ("PUT", "/v1/users/nobody/policies/readers", 404, "Absent"),
        ("PUT", "/v1/users/owner/policies/nothing", 404, "Absent"),
        ("DELETE", "/v1/users/owner/policies/spare", 404, "Absent"),
        ("PUT", "/v1/groups/staff/members/nobody", 404, "Absent"),
        ("DELETE", "/v1/groups/empty/members/owner", 404, "Absent"),
        ("PUT", "/v1/groups/nothing/policies/readers", 404, "Absent"),
        ("DELETE", "/v1/groups/empty/policies/readers", 404, "Absent"),
        ("PUT", "/v1/groups/a%20b", 400, "InvalidIdentity"),
        ("PUT", "/v1/groups/%C3%A4", 400, "InvalidIdentity"),
        ("GET", "/v1/policies/%00", 400, "InvalidIdentity"),
        ("PUT", "/v1/users/%C3%A4/policies/readers", 400, "InvalidIdentity"),
        ("PUT", "/v1/groups/staff/members/%00", 400, "InvalidIdentity"),
        ("POST", "/v1/policies", 404, "NotFound"),
        ("PUT", "/v1/groups/staff/members/", 404, "NotFound"),
    ],
)
async def test_what_cannot_be_done(method: str, target: str, status: int, code: str) -> None:
    admin = await Admin.make()
    found, answer = await admin.call(method, target)
    assert (found, answer["error"]["code"]) == (status, code)
    assert answer["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"[" * MAX_BODY,
        DOCUMENT.replace(b"Allow", b"Maybe"),
        DOCUMENT.replace(b"Allow", rb"\ud800"),
        DOCUMENT.replace(b"Effect", rb"\udfff\u0000"),
        DOCUMENT.replace(b'"s3:*"', b"1e999999"),
    ],
)
async def test_a_body_that_is_no_policy(body: bytes) -> None:
    admin = await Admin.make()
    status, answer = await admin.call("PUT", "/v1/policies/readers", body)
    assert (status, answer["error"]["code"]) == (400, "MalformedPolicy")
    answer = await admin.ask("GET", by_header("GET", "/v1/policies/readers", {}, right(b"")), b"")
    assert answer.body == DOCUMENT


# --------------------------------------------------------------------------- who may not

OF_OPERATORS = [
    ("PUT", "/v1/users/operator/policies/spare"),
    ("DELETE", "/v1/users/operator/policies/readers"),
    ("PUT", "/v1/groups/empty/members/operator"),
    ("DELETE", "/v1/groups/staff/members/operator"),
]
ROUTES = [
    ("GET", "/v1/policies"),
    ("GET", "/v1/policies/readers"),
    ("PUT", "/v1/policies/readers"),
    ("DELETE", "/v1/policies/spare"),
    ("PUT", "/v1/users/owner/policies/readers"),
    ("DELETE", "/v1/users/owner/policies/readers"),
    ("GET", "/v1/groups"),
    ("GET", "/v1/groups/staff"),
    ("PUT", "/v1/groups/made"),
    ("DELETE", "/v1/groups/empty"),
    ("PUT", "/v1/groups/staff/policies/readers"),
    ("DELETE", "/v1/groups/staff/policies/readers"),
    ("PUT", "/v1/groups/staff/members/owner"),
    ("DELETE", "/v1/groups/staff/members/owner"),
]
EVERY = pytest.mark.parametrize(("method", "target"), [*ROUTES, *OF_OPERATORS])


async def denied(admin: Admin, method: str, signed: Signed, body: bytes = DOCUMENT) -> None:
    """Assert that this is refused, tells nothing and has changed nothing."""
    touched = admin.gateway.touched
    answer = await admin.ask(method, signed, body)
    assert answer.status in {400, 403}, answer
    assert set(touched.read) <= {Table.IDENTITIES}
    assert touched.written == []
    for told in (b"readers", b"staff", b"s3:"):
        assert told not in answer.body
    touched.clear()


@EVERY
async def test_nobody_without_a_right_signature(method: str, target: str) -> None:
    admin = await Admin.make()
    good = right(DOCUMENT)
    await denied(admin, method, Signed(target, {}))
    for wrong in (
        good._replace(pair=Pair(ROOT.access_key, OTHER.secret)),
        good._replace(pair=Pair("NOBODY", ROOT.secret)),
        good._replace(region="eu-west-1"),
        good._replace(now=good.moment - 1000),
        good._replace(payload="UNSIGNED-PAYLOAD"),
        right(DOCUMENT.replace(b"Allow", b"Deny")),
    ):
        await denied(admin, method, by_header(method, target, {}, wrong))
    signed = by_header(method, target, {}, good)
    await denied(admin, method, signed._replace(target=target + "x"))


@EVERY
@pytest.mark.parametrize("pair", [OWNER, OTHER])
async def test_no_user(method: str, target: str, pair: Pair) -> None:
    admin = await Admin.make()
    await denied(admin, method, by_header(method, target, {}, right(DOCUMENT, pair)))


@pytest.mark.parametrize(("method", "target"), OF_OPERATORS)
async def test_no_operator_where_only_root_may(method: str, target: str) -> None:
    admin = await Admin.make()
    await denied(admin, method, by_header(method, target, {}, right(b"", OPERATOR)), b"")
    assert (await admin.call(method, target))[0] == 200


@pytest.mark.parametrize("pair", [ROOT, OPERATOR])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize(
    "target", ["/v1/users/root/policies/spare", "/v1/groups/staff/members/root"]
)
async def test_nobody_attaches_to_root(method: str, target: str, pair: Pair) -> None:
    admin = await Admin.make()
    status, answer = await admin.call(method, target, by=pair)
    assert (status, answer["error"]["code"]) == (409, "Reserved")


@pytest.mark.parametrize("pair", [ROOT, OPERATOR])
async def test_operators_otherwise(pair: Pair) -> None:
    admin = await Admin.make()
    for method, target in ROUTES:
        body = DOCUMENT if "policies/readers" in target and method == "PUT" else b""
        status, answer = await admin.call(method, target, body, by=pair)
        assert status in {200, 201}, (method, target, answer)
