"""What one worker acknowledged every worker knows: each request comes on a new connection."""

import os
import uuid
from collections.abc import Callable

import pytest

from tests.s3.expect import md5
from tests.s3.store import Client, Pair, Store

LOOKS = 8  # enough to reach each of three workers


def everywhere(look: Callable[[], bool]) -> bool:
    return all(look() for _ in range(LOOKS))


def test_objects(store: Store, bucket: str) -> None:
    path = f"/{bucket}/key"
    for number in range(6):
        body = os.urandom(100 if number % 2 else 200_000)
        assert store.send("PUT", path, body=body).status == 200
        for _ in range(LOOKS):
            assert store.send("GET", path).body == body
            assert store.send("HEAD", path).headers["etag"] == md5(body)
        assert store.send("DELETE", path).status == 204
        assert everywhere(lambda: store.send("HEAD", path).status == 404)
        assert everywhere(lambda: b"<Key>" not in store.send("GET", f"/{bucket}").body)


def test_versioning(store: Store, bucket: str) -> None:
    """The first put after the answer keeps what it replaces, whatever worker takes it."""
    store.send("PUT", f"/{bucket}/key", body=b"before")
    for status in ("Enabled", "Suspended", "Enabled"):
        body = f"<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>"
        query = {"versioning": ""}
        assert store.send("PUT", f"/{bucket}", query=query, body=body.encode()).status == 200
        for _ in range(LOOKS):
            made = store.send("PUT", f"/{bucket}/key", body=b"x")
            assert ("x-amz-version-id" in made.headers) == (status == "Enabled")
    listed = store.send("GET", f"/{bucket}", query={"versions": ""}).body
    assert listed.count(b"<Version>") == 2 * LOOKS + 1


def test_bucket_configuration(store: Store, bucket: str) -> None:
    query = {"tagging": ""}
    for number in range(5):
        tag = f"<Key>n</Key><Value>{number}</Value>".encode()
        body = b"<Tagging><TagSet><Tag>%s</Tag></TagSet></Tagging>" % tag
        assert store.send("PUT", f"/{bucket}", query=query, body=body).status == 204
        for _ in range(LOOKS):
            assert tag in store.send("GET", f"/{bucket}", query=query).body
    assert store.send("DELETE", f"/{bucket}", query=query).status == 204
    assert everywhere(lambda: store.send("GET", f"/{bucket}", query=query).status == 404)


def test_cors(store: Store, bucket: str) -> None:
    rule = (
        b"<CORSConfiguration><CORSRule><AllowedOrigin>http://a.example</AllowedOrigin>"
        b"<AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"
    )
    asked = {"Origin": "http://a.example", "Access-Control-Request-Method": "GET"}

    def allowed() -> bool:
        return store.plain("OPTIONS", f"/{bucket}/key", headers=asked).status == 200

    assert not allowed()
    assert store.send("PUT", f"/{bucket}", query={"cors": ""}, body=rule).status == 200
    assert everywhere(allowed)
    assert store.send("DELETE", f"/{bucket}", query={"cors": ""}).status == 204
    assert everywhere(lambda: not allowed())


def test_buckets(store: Store, name: str) -> None:
    """A bucket of the same name that was made anew has nothing of the old one."""
    for _ in range(3):
        assert store.send("PUT", f"/{name}").status == 200
        assert everywhere(lambda: store.send("HEAD", f"/{name}").status == 200)
        assert everywhere(lambda: b"<Key>" not in store.send("GET", f"/{name}").body)
        assert everywhere(lambda: store.send("PUT", f"/{name}/key", body=b"x").status == 200)
        assert everywhere(lambda: store.send("DELETE", f"/{name}").status == 409)
        assert store.send("DELETE", f"/{name}/key").status == 204
        assert store.send("DELETE", f"/{name}").status == 204
        assert everywhere(lambda: store.send("HEAD", f"/{name}").status == 404)
        assert everywhere(lambda: store.send("PUT", f"/{name}/key", body=b"x").status == 404)


def test_uploads(store: Store, s3: Client, bucket: str) -> None:
    started = store.send("POST", f"/{bucket}/key", query={"uploads": ""}).body.decode()
    upload_id = started.partition("<UploadId>")[2].partition("<")[0]
    for number in range(1, LOOKS + 1):
        query = {"uploadId": upload_id, "partNumber": str(number)}
        assert store.send("PUT", f"/{bucket}/key", query=query, body=b"x").status == 200
        listed = store.send("GET", f"/{bucket}/key", query={"uploadId": upload_id}).body
        assert listed.count(b"<PartNumber>") == number
    query = {"uploadId": upload_id}
    assert store.send("DELETE", f"/{bucket}/key", query=query).status == 204
    assert everywhere(lambda: store.send("GET", f"/{bucket}/key", query=query).status == 404)


def test_credentials(store: Store) -> None:
    """Users that the admin API makes and removes are known and unknown at once."""
    if store.server is None:
        pytest.skip("users are made through the admin API of our own server")
    user = f"user-{uuid.uuid4().hex[:8]}"
    pair = Pair(f"AK{uuid.uuid4().hex[:16].upper()}", uuid.uuid4().hex)

    def status() -> int:
        return store.send("GET", "/", pair=pair).status

    assert everywhere(lambda: status() == 403)
    options = ("--access-key", pair.access_key, "--secret-key", pair.secret_key)
    store.admin("user", "create", user, *options)
    assert everywhere(lambda: status() == 200)
    store.admin("access-key", "delete", user, "--access-key", pair.access_key)
    assert everywhere(lambda: status() == 403)
    store.admin("access-key", "create", user, *options)
    assert everywhere(lambda: status() == 200)
    store.admin("user", "delete", user)
    assert everywhere(lambda: status() == 403)
