"""One live store for all tests here, and a bucket of its own for each test."""

import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest
from botocore import UNSIGNED

from tests.s3.store import Client, Pair, Store
from tests.support import engines
from tests.support.balancer import balanced
from tests.support.server import Server

POLICIES = (("replica:2", "replica:2"), ("ec:2+1", "ec:2+1"), ("replica:2", "ec:2+1"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them need a server."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The store that the environment names, else an Ocean with three workers.

    OCEAN_TEST_METASTORE is embedded (the default), hbase, or cached (hbase behind memcached). On
    HBase these are two servers, and each request goes to the other one. OCEAN_TEST_CEPH are the
    configurations of clusters to keep the bytes on: a replicated partition, one with erasure codes
    and one of both, in turn.
    """
    named = Store.named()
    if named is not None:
        yield named
        return
    engine = os.environ.get("OCEAN_TEST_METASTORE", "embedded")
    clusters = os.environ.get("OCEAN_TEST_CEPH", "").split()
    folder = tmp_path_factory.mktemp("ocean")
    if engine == "embedded":
        server = Server(folder, {"OCEAN_WORKERS": "3"})
        take_in(server, clusters)
        with server:
            yield Store.of(server)
        return
    settings = {
        **engines.settings(engine),
        "OCEAN_DATA": str(folder / "data"),
        "OCEAN_MASTER_KEY_FILE": str(folder / "master.key"),
    }
    one, two = Server(folder / "one", settings), Server(folder / "two", settings)
    take_in(one, clusters)
    with one, two, balanced(folder, [one, two]) as endpoint:
        yield replace(Store.of(one), endpoint=endpoint)


def take_in(server: Server, clusters: list[str]) -> None:
    """Make partitions on these clusters."""
    for number, conf in enumerate(clusters):
        name = f"s{uuid.uuid4().hex[:8]}"
        large, settled = POLICIES[number % len(POLICIES)]
        how = ["--failure-domain", "osd", "--placement-groups", "8", "--small", "replica:2"]
        for words in (["init", *how, "--large", large, "--settled", settled], ["add"]):
            done = server.run("partition", *words, name, "--conf", conf)
            assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def s3(store: Store) -> Client:
    """A client of the store's main account."""
    return store.client()


@pytest.fixture(scope="session")
def other_pair(store: Store) -> Pair:
    """The pair of another account."""
    if store.server is not None:
        return store.new_user(f"other-{uuid.uuid4().hex[:8]}")
    access_key = os.environ.get("OCEAN_TEST_OTHER_ACCESS_KEY")
    if access_key is None:
        pytest.skip("OCEAN_TEST_OTHER_ACCESS_KEY names no second account")
    return Pair(access_key, os.environ["OCEAN_TEST_OTHER_SECRET_KEY"])


@pytest.fixture(scope="session")
def other(store: Store, other_pair: Pair) -> Client:
    """A client of another account."""
    return store.client(other_pair)


@pytest.fixture(scope="session")
def anonymous(store: Store) -> Client:
    """A client that does not sign."""
    return store.client(signature_version=UNSIGNED)


@pytest.fixture
def name() -> str:
    """A name that no bucket has."""
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture
def bucket(s3: Client, name: str) -> Iterator[str]:
    """An empty bucket, removed with all that the test left in it."""
    s3.create_bucket(Bucket=name)
    yield name
    remove(s3, name)


@pytest.fixture
def versioned(s3: Client, bucket: str) -> str:
    """The bucket, keeping versions."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


@pytest.fixture
def locked(s3: Client, name: str) -> Iterator[str]:
    """An empty bucket with object lock; of COMPLIANCE mode the test leaves no more than seconds."""
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    yield name
    unlock(s3, name)
    remove(s3, name)


@pytest.fixture(scope="module")
def shared(s3: Client) -> Iterator[str]:
    """A bucket that the tests of one file share, for what is slow to make and only read."""
    name = f"test-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    yield name
    remove(s3, name)


def unlock(s3: Client, bucket: str) -> None:
    """Take the legal holds of a bucket away, and wait for retentions in COMPLIANCE mode to end."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for one in page.get("Versions", []):
            named = {"Bucket": bucket, "Key": one["Key"], "VersionId": one["VersionId"]}
            head = s3.head_object(**named)
            if head.get("ObjectLockLegalHoldStatus") == "ON":
                s3.put_object_legal_hold(**named, LegalHold={"Status": "OFF"})
            if head.get("ObjectLockMode") == "COMPLIANCE":
                left = head["ObjectLockRetainUntilDate"] - datetime.now(UTC)
                assert left < timedelta(minutes=1), named
                time.sleep(max(left.total_seconds(), 0))


def remove(s3: Client, bucket: str) -> None:
    """Delete a bucket with every version and upload in it, unless it is gone already."""
    try:
        s3.head_bucket(Bucket=bucket)
    except s3.exceptions.ClientError:
        return
    uploads = s3.get_paginator("list_multipart_uploads")
    for page in uploads.paginate(Bucket=bucket, EncodingType="url"):
        for one in page.get("Uploads", []):
            key = unquote(one["Key"])
            s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=one["UploadId"])
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = page.get("Versions", []) + page.get("DeleteMarkers", [])
        objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
        for one in objects:
            if not one["Key"].isprintable():  # which XML cannot hold
                s3.delete_object(Bucket=bucket, **one)
        if objects := [one for one in objects if one["Key"].isprintable()]:
            wanted = {"Objects": objects, "Quiet": True}
            gone = s3.delete_objects(Bucket=bucket, Delete=wanted, BypassGovernanceRetention=True)
            assert not gone.get("Errors"), gone
    s3.delete_bucket(Bucket=bucket)
