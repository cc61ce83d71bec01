"""boto3 with default settings: transfers, both presigned forms, paginators, resumed uploads."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import urllib3
from botocore.exceptions import BotoCoreError, ClientError

from tests.support.files import digest, digests, fetched, make_tree, stored
from tests.support.server import Server

pytestmark = pytest.mark.slow

PART = 5 << 20


def test_managed_transfers(server: Server, big: Path, tmp_path: Path) -> None:
    client = server.client()
    client.create_bucket(Bucket="managed")
    client.upload_file(str(big), "managed", "ü +big", ExtraArgs={"Metadata": {"camera": "7"}})
    client.download_file("managed", "ü +big", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == big.read_bytes()
    client.copy({"Bucket": "managed", "Key": "ü +big"}, "managed", "copy")
    client.download_file("managed", "copy", str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_bytes() == big.read_bytes()
    head = client.head_object(Bucket="managed", Key="ü +big", ChecksumMode="ENABLED")
    assert (head["Metadata"], head["ContentLength"]) == ({"camera": "7"}, big.stat().st_size)
    assert head["ChecksumCRC32"], "the default of today's boto3"
    assert client.list_multipart_uploads(Bucket="managed").get("Uploads", []) == []


@pytest.mark.parametrize("version", [None, "s3v4"])
def test_presigned(server: Server, version: str | None) -> None:
    """None is what boto3 does when nobody chooses: SigV2 in the query."""
    client = server.client(signature_version=version)
    bucket = f"signed-{version}".lower()
    client.create_bucket(Bucket=bucket)
    at = {"Bucket": bucket, "Key": "a ü+&/key"}
    put = client.generate_presigned_url("put_object", Params=at, ExpiresIn=60)
    assert ("X-Amz-Algorithm" in put) == (version == "s3v4")
    assert urllib3.request("PUT", put, body=b"content").status == 200
    assert fetched(client, bucket, at["Key"]) == digest(b"content")
    get = client.generate_presigned_url(
        "get_object", Params={**at, "ResponseContentType": "text/x-test"}, ExpiresIn=60
    )
    answer = urllib3.request("GET", get)
    assert (answer.data, answer.headers["Content-Type"]) == (b"content", "text/x-test")
    assert urllib3.request("GET", get.replace("key", "other")).status == 403


def test_paginators(server: Server) -> None:
    client = server.client()
    client.create_bucket(Bucket="pages")
    client.put_bucket_versioning(Bucket="pages", VersioningConfiguration={"Status": "Enabled"})
    keys = sorted(f"{group}/{number}" for group in "ab" for number in range(13))
    for key in keys:
        client.put_object(Bucket="pages", Key=key, Body=key.encode())
    for key in keys:
        client.put_object(Bucket="pages", Key=key, Body=b"")
    uploads = [client.create_multipart_upload(Bucket="pages", Key=key)["UploadId"] for key in keys]

    def paged(operation: str, field: str, **more: Any) -> list[Any]:
        pages = client.get_paginator(operation).paginate(
            Bucket="pages", PaginationConfig={"PageSize": 4}, **more
        )
        return [item for page in pages for item in page.get(field, [])]

    for operation in ("list_objects", "list_objects_v2"):
        assert [item["Key"] for item in paged(operation, "Contents")] == keys
        prefixes = paged(operation, "CommonPrefixes", Delimiter="/")
        assert [item["Prefix"] for item in prefixes] == ["a/", "b/"]
    versions = paged("list_object_versions", "Versions")
    assert [item["Key"] for item in versions] == sorted(keys * 2)
    assert [item["Size"] == 0 for item in versions] == [True, False] * len(keys)
    found = {item["UploadId"] for item in paged("list_multipart_uploads", "Uploads")}
    assert found == set(uploads)
    assert client.get_waiter("object_exists").wait(Bucket="pages", Key="a/1") is None


class Writers:
    """Threads that store pieces, each once, and note what was acknowledged."""

    def __init__(self, store: Callable[[int], object]) -> None:
        self._store = store
        self._lock = threading.Lock()
        self.acknowledged: set[int] = set()

    def run(self, numbers: list[int], act: Callable[[], object], after: int) -> None:
        """Store them all; `act` beside it as soon as `after` were acknowledged."""
        reached = threading.Event()

        def one(number: int) -> None:
            try:
                self._store(number)
            except (BotoCoreError, ClientError):
                return
            with self._lock:
                self.acknowledged.add(number)
                if len(self.acknowledged) >= after:
                    reached.set()

        with ThreadPoolExecutor(9) as pool:
            for number in numbers:
                pool.submit(one, number)
            assert reached.wait(30)
            act()


def test_killed_while_objects_are_put(server: Server, tmp_path: Path) -> None:
    """Small and large at once, from many threads; three times over the same keys."""
    client = server.client()
    client.create_bucket(Bucket="killed")
    names: list[str] = []

    def store(number: int) -> None:
        body = (tree / names[number]).read_bytes()
        client.put_object(Bucket="killed", Key=names[number], Body=body)

    for life in range(3):
        tree = tmp_path / str(life)
        count, size = ((400, 4_000), (200, 200_000), (150, 800_000))[life]
        expected = make_tree(tree, count, size, seed=life)
        names = list(expected)
        before = stored(client, "killed")
        writers = Writers(store)
        writers.run(list(range(len(names))), server.kill, after=40)
        assert 40 <= len(writers.acknowledged) < len(names)
        server.start()
        kept = stored(client, "killed")
        for number, name in enumerate(names):
            possible = {expected[name]}
            if number not in writers.acknowledged:
                possible.add(before.get(name, ""))
            assert kept.get(name, "") in possible, f"{name} in life {life}"


def test_a_multipart_upload_goes_on_after_kills(server: Server, big: Path) -> None:
    client = server.client()
    client.create_bucket(Bucket="resumed")
    content = big.read_bytes() * 4
    pieces = [content[at : at + PART] for at in range(0, len(content), PART)]
    at: dict[str, Any] = {"Bucket": "resumed", "Key": "big"}
    at["UploadId"] = client.create_multipart_upload(**at)["UploadId"]

    def store(index: int) -> None:
        client.upload_part(**at, PartNumber=index + 1, Body=pieces[index])

    def listed() -> dict[int, str]:
        pages = client.get_paginator("list_parts").paginate(**at)
        return {part["PartNumber"]: part["ETag"] for page in pages for part in page["Parts"]}

    missing = list(range(len(pieces)))
    for _life in range(3):
        writers = Writers(store)
        writers.run(missing, server.kill, after=2)
        server.start()
        there = {number - 1 for number in listed()}
        assert writers.acknowledged <= there
        missing = [index for index in missing if index not in there]
    for index in missing:
        store(index)
    parts = [{"PartNumber": number, "ETag": etag} for number, etag in listed().items()]
    first = client.complete_multipart_upload(**at, MultipartUpload={"Parts": parts})
    server.restart()
    again = client.complete_multipart_upload(**at, MultipartUpload={"Parts": parts})
    assert again["ETag"] == first["ETag"], "Complete is idempotent"
    assert fetched(client, "resumed", "big") == digest(content)


def test_deletes_stay_deleted(server: Server, tmp_path: Path) -> None:
    client = server.client()
    client.create_bucket(Bucket="deleted")
    names = list(make_tree(tmp_path / "tree", count=60, size=3_000))
    for name in names:
        client.upload_file(str(tmp_path / "tree" / name), "deleted", name)

    def delete(number: int) -> None:
        client.delete_object(Bucket="deleted", Key=names[number])

    writers = Writers(delete)
    writers.run(list(range(len(names))), server.kill, after=10)
    server.start()
    kept = stored(client, "deleted")
    assert not {names[number] for number in writers.acknowledged} & set(kept)
    content = digests(tmp_path / "tree")
    assert kept == {name: content[name] for name in kept}
