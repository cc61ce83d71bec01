"""The admin API: who may call it, and what it answers."""

import hashlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.admin.api import MAX_BODY, AdminApi
from gateway.admin.partitions import PartitionsApi
from gateway.admin.policies import PoliciesApi
from gateway.http import Request
from gateway.metrics import Metrics
from gateway.wire.sigv4 import Identity, sign
from metastore.buckets import Buckets
from metastore.edits import Edits
from metastore.memory import MemoryEngine
from metastore.records import Bucket
from ocean.config import load
from ocean.config.schema import Root
from ocean.identity.credentials import Credentials
from ocean.identity.identities import Identities
from ocean.identity.policies import Policies
from ocean.identity.root import open_root
from ocean.keys.local import MasterKey
from ocean.partitions.verbs import Partitions

KEY = MasterKey(bytes(range(32)))
ROOT = Identity("ROOTKEY", "the-secret-of-root-0123")
REGION = "us-east-1"


class Admin:
    """An admin API over a memory engine, called without a socket."""

    def __init__(
        self, api: AdminApi, identities: Identities, buckets: Buckets, credentials: Credentials
    ) -> None:
        self.api = api
        self.credentials = credentials
        self.buckets = buckets
        self.identities = identities

    @classmethod
    async def make(cls, **environ: str) -> "Admin":
        engine = MemoryEngine()
        root = await open_root(
            engine, KEY, Root(access_key=ROOT.access_key, secret_key=ROOT.secret)
        )
        identities = Identities(engine, KEY)
        credentials = Credentials(engine, KEY, root)
        config = load(environ=environ).config
        buckets = Buckets(engine, Edits(1))
        partitions = Partitions(engine, lambda: KEY, Path("nowhere"))
        more = [
            *PartitionsApi(partitions).routes,
            *PoliciesApi(Policies(engine, identities), identities).routes,
        ]
        api = AdminApi(identities, credentials, buckets, Metrics(), config, more)
        return cls(api, identities, buckets, credentials)

    async def send(
        self, method: str, target: str, headers: dict[str, str], body: bytes = b""
    ) -> tuple[int, Any]:
        async def pieces() -> AsyncIterator[bytes]:
            yield body

        async def proceed() -> None:
            return

        request = Request(
            method=method,
            target=target,
            headers=headers,
            length=len(body),
            body=pieces(),
            peer="127.0.0.1",
            secure=False,
            proceed=proceed,
        )
        response = await self.api.handle(request)
        if response.headers["Content-Type"] != "application/json":
            return response.status, response.body
        return response.status, json.loads(response.body)

    async def call(
        self, method: str, target: str, body: object = None, *, by: Identity = ROOT
    ) -> tuple[int, Any]:
        """A signed request."""
        content = b"" if body is None else json.dumps(body).encode()
        return await self.send(method, target, signed(by, method, target, content), content)


def signed(by: Identity, method: str, target: str, content: bytes = b"") -> dict[str, str]:
    digest = hashlib.sha256(content).hexdigest()
    url = f"http://localhost:9001{target}"
    return sign(by, REGION, method, url, {}, now=time.time(), payload=digest)


async def test_users_and_pairs_from_birth_to_death() -> None:
    admin = await Admin.make()
    new = {"name": "alice", "display_name": "Alice A.", "email": "alice@example.com"}
    status, made = await admin.call("POST", "/v1/users", new)
    assert status == 201
    assert made | new == made
    assert len(made["canonical_id"]) == 64
    assert await admin.call("GET", "/v1/users/alice") == (200, made)
    status, pair = await admin.call("POST", "/v1/users/alice/access-keys")
    assert status == 201
    status, listed = await admin.call("GET", "/v1/users/alice/access-keys")
    assert [key["access_key"] for key in listed["access_keys"]] == [pair["access_key"]]
    assert pair["secret_key"] not in json.dumps(listed)
    target = f"/v1/users/alice/access-keys/{pair['access_key']}"
    assert (await admin.call("DELETE", target))[0] == 200
    assert (await admin.call("DELETE", target))[0] == 404
    names = [user["name"] for user in (await admin.call("GET", "/v1/users"))[1]["users"]]
    assert names == ["alice", "root"]
    assert (await admin.call("GET", "/v1/users?after=alice"))[1]["users"][0]["name"] == "root"
    assert (await admin.call("DELETE", "/v1/users/alice"))[0] == 200
    assert (await admin.call("GET", "/v1/users/alice"))[0] == 404


@pytest.mark.parametrize(
    ("method", "target", "body", "status"),
    [
        ("POST", "/v1/users", {"name": "root"}, 409),
        ("POST", "/v1/users", {"name": "a/b"}, 400),
        ("POST", "/v1/users", {"name": "bob", "admin": True}, 400),
        ("POST", "/v1/users", ["bob"], 400),
        ("POST", "/v1/users", {"name": "bob", "access_key": "x", "secret_key": "y"}, 400),
        ("DELETE", "/v1/users/root", None, 409),
        ("POST", "/v1/users/root/access-keys", None, 409),
        ("POST", "/v1/users/nobody/access-keys", None, 404),
        ("GET", "/v1/nothing", None, 404),
        ("PUT", "/v1/users", None, 404),
    ],
)
async def test_what_cannot_be_done(method: str, target: str, body: object, status: int) -> None:
    admin = await Admin.make()
    found, answer = await admin.call(method, target, body)
    assert found == status
    assert answer["error"]["message"]
    assert [account.name for account in await admin.identities.accounts()] == ["root"]


PRIVATE = [
    ("GET", "/metrics"),
    ("GET", "/v1/users"),
    ("POST", "/v1/users"),
    ("GET", "/"),
    ("GET", "/v1/nothing"),
]


@pytest.mark.parametrize(("method", "target"), PRIVATE)
async def test_everything_else_needs_a_signature(method: str, target: str) -> None:
    """What exists cannot be told apart from what does not without one."""
    admin = await Admin.make()
    status, answer = await admin.send(method, target, {"host": "localhost:9001"})
    assert (status, answer["error"]["code"]) == (403, "AccessDenied")
    wrong = Identity(ROOT.access_key, "not-the-secret-of-root")
    assert (await admin.call(method, target, by=wrong))[0] == 403
    assert (await admin.call(method, target, by=Identity("NOBODY", "some-secret")))[0] == 403


async def test_health_is_open() -> None:
    admin = await Admin.make()
    for path in ("/health", "/ready"):
        assert await admin.send("GET", path, {}) == (200, {"status": "ok"})


async def test_metrics_are_open_by_configuration_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    admin = await Admin.make(OCEAN_METRICS_PUBLIC="true")
    assert (await admin.send("GET", "/metrics", {}))[0] == 200


async def test_users_may_not_administer_but_operators_may_except_make_more() -> None:
    admin = await Admin.make()
    pairs = {}
    for name, operator in (("alice", False), ("oscar", True)):
        await admin.call("POST", "/v1/users", {"name": name, "operator": operator})
        _, pair = await admin.call("POST", f"/v1/users/{name}/access-keys")
        pairs[name] = Identity(pair["access_key"], pair["secret_key"])
    assert (await admin.call("GET", "/v1/users", by=pairs["alice"]))[0] == 403
    assert (await admin.call("POST", "/v1/users", {"name": "bob"}, by=pairs["oscar"]))[0] == 201
    more = {"name": "eve", "operator": True}
    assert (await admin.call("POST", "/v1/users", more, by=pairs["oscar"]))[0] == 403
    assert (await admin.call("DELETE", "/v1/users/oscar", by=pairs["oscar"]))[0] == 403
    keys = "/v1/users/oscar/access-keys"
    assert (await admin.call("POST", keys, by=pairs["oscar"]))[0] == 403


async def test_the_body_is_covered_by_the_signature() -> None:
    admin = await Admin.make()
    headers = signed(ROOT, "POST", "/v1/users", b'{"name": "alice"}')
    status, _ = await admin.send("POST", "/v1/users", headers, b'{"name": "mallory"}')
    assert status == 400
    url = "http://localhost:9001/v1/users"
    unsigned = sign(ROOT, REGION, "POST", url, {}, now=time.time())
    assert (await admin.send("POST", "/v1/users", unsigned, b'{"name": "m"}'))[0] == 403
    assert len(await admin.identities.accounts()) == 1


async def test_large_bodies_are_refused() -> None:
    admin = await Admin.make()
    body = b"x" * (MAX_BODY + 1)
    headers = signed(ROOT, "POST", "/v1/users", body)
    assert (await admin.send("POST", "/v1/users", headers, body))[0] == 400


@pytest.mark.parametrize("given", [{"access_key": "ALICEKEY"}, {"secret_key": "alices-secret"}])
async def test_a_pair_made_with_its_user_is_shown_with_it(given: dict[str, str]) -> None:
    """A half that was generated is known to nobody else."""
    admin = await Admin.make()
    status, made = await admin.call("POST", "/v1/users", {"name": "alice", **given})
    assert status == 201
    assert made | given == made
    found = await admin.credentials.find(made["access_key"])
    assert found is not None
    assert found.secret == made["secret_key"]


async def test_a_user_whose_pair_cannot_be_made_is_not_made() -> None:
    admin = await Admin.make()
    new = {"name": "alice", "access_key": "SHAREDKEY", "secret_key": "alices-secret"}
    assert (await admin.call("POST", "/v1/users", new))[0] == 201
    assert (await admin.call("POST", "/v1/users", new | {"name": "bob"}))[0] == 409
    assert (await admin.call("GET", "/v1/users/bob"))[0] == 404


async def test_who_owns_a_bucket_stays() -> None:
    admin = await Admin.make()
    await admin.call("POST", "/v1/users", {"name": "alice"})
    account = await admin.identities.account("alice")
    assert account is not None
    bucket = Bucket(name="hers", id=b"12345678", owner=account.id, created_ms=0)
    await admin.buckets.create(bucket)
    status, answer = await admin.call("DELETE", "/v1/users/alice")
    assert status == 409
    assert "alice owns the bucket hers" in str(answer)
    await admin.buckets.delete(bucket)
    status, _ = await admin.call("DELETE", "/v1/users/alice")
    assert status == 200


async def test_partitions_and_rules() -> None:
    admin = await Admin.make()
    status, listed = await admin.call("GET", "/v1/partitions")
    assert (status, [one["name"] for one in listed["partitions"]]) == (200, ["local"])
    assert (await admin.call("GET", "/v1/partitions/east"))[0] == 409
    rule = {"partitions": ["local"], "prefix": "hot/"}
    assert await admin.call("PUT", "/v1/placement/hot", rule) == (200, {"name": "hot", **rule})
    assert (await admin.call("PUT", "/v1/placement/hot", {"partitions": ["east"]}))[0] == 409
    status, listed = await admin.call("GET", "/v1/placement")
    assert listed == {"rules": [{"name": "hot", **rule}]}
    assert (await admin.call("DELETE", "/v1/placement/hot"))[0] == 200
    assert (await admin.call("GET", "/v1/placement"))[1] == {"rules": []}
    status, refused = await admin.call("PUT", "/v1/partitions/local", {"state": "read-only"})
    assert (status, refused["error"]["code"]) == (409, "Refused")
    assert (await admin.call("DELETE", "/v1/partitions/local"))[0] == 409
    assert (await admin.call("POST", "/v1/partitions/east/drain"))[0] == 409
    status, begun = await admin.call("POST", "/v1/rebalance", {"rate": 1000})
    assert (status, begun["number"], begun["stopped"]) == (200, 1, False)
    assert (await admin.call("DELETE", "/v1/rebalance"))[1]["stopped"] is True


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/partitions"), ("POST", "/v1/partitions/east/init")]
)
async def test_only_root_names_files_of_the_server(method: str, path: str) -> None:
    admin = await Admin.make()
    await admin.identities.create_account("op", display_name="", email="", operator=True)
    pair, secret = await admin.identities.create_access_key("op")
    body = {"name": "east", "conf": "/nowhere/ceph.conf"}
    if path.endswith("init"):
        del body["name"]
    identity = Identity(pair.access_key, secret)
    status, refused = await admin.call(method, path, body, by=identity)
    assert (status, refused["error"]["code"]) == (403, "AccessDenied")
    status, refused = await admin.call(method, path, body)
    assert (status, refused["error"]["code"]) == (409, "Refused")
    assert (await admin.call(method, path, {"conf": 1}))[0] == 400
