"""A bucket against a model of it, with `kill -9` as an ordinary step.

The model is a history of versions for each key, newest first. After every step the listing of all
versions equals it; whatever was acknowledged outlives a kill; of what was not acknowledged, each
key shows all or nothing.
"""

import time
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.s3.expect import data, md5, multipart_etag, read
from tests.s3.store import Client, Store
from tests.support.server import Server

NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
KEYS = ("a", "a/b", "a/b/c", "ü", "z")
SIZES = (0, 1, 1000, 128 << 10, (128 << 10) + 1, 400_000, (1 << 20) + 1)
key_of = st.sampled_from(KEYS)
size_of = st.sampled_from(SIZES)


class Version(NamedTuple):
    """A version as it should be listed; a marker has no body, `uploaded` says in one part."""

    id: str
    body: bytes | None
    uploaded: bool = False

    @property
    def etag(self) -> str:
        if self.body is None:
            return ""
        return multipart_etag(self.body) if self.uploaded else md5(self.body)


History = list[Version]


class Intent(NamedTuple):
    """A write that was begun: of this body, or a deletion."""

    key: str
    body: bytes | None


def text(element: ET.Element, name: str) -> str:
    return element.findtext(NAMESPACE + name) or ""


def after(history: History, made: Version, versioning: str) -> History:
    """The history of a key once `made` is written."""
    if versioning == "Enabled":
        return [made, *history]
    kept = [version for version in history if version.id != "null"]
    if not versioning and made.body is None:
        return kept
    return [made._replace(id="null"), *kept]


class Bucket(RuleBasedStateMachine):
    """The rules; `server` and `ended` (examples stop once it is past) are set by the test."""

    server: Server
    ended: float

    def __init__(self) -> None:
        super().__init__()
        self.name = f"test-{uuid.uuid4().hex}"
        self.client: Client = self.server.client()
        self.store = Store.of(self.server)
        self.versioning = ""
        self.model: dict[str, History] = {}
        self.uploads: dict[str, tuple[str, dict[int, bytes]]] = {}
        self.serial = 0

    @property
    def running(self) -> bool:
        return time.monotonic() < self.ended

    def body(self, size: int) -> bytes:
        self.serial += 1
        return data(size, f"{self.name} {self.serial}")

    def write(self, key: str, made: Version) -> None:
        """Note in the model what was acknowledged."""
        history = after(self.model.get(key, []), made, self.versioning)
        self.model[key] = history
        if not history:
            del self.model[key]

    def current(self, key: str) -> bytes | None:
        history = self.model.get(key)
        return history[0].body if history else None

    @initialize()
    def create(self) -> None:
        self.client.create_bucket(Bucket=self.name)

    @rule(key=key_of, size=size_of)
    def put(self, key: str, size: int) -> None:
        body = self.body(size)
        answer = self.client.put_object(Bucket=self.name, Key=key, Body=body)
        self.write(key, Version(answer.get("VersionId", "null"), body))

    @rule(key=key_of)
    def put_if_absent(self, key: str) -> None:
        body = self.body(10)
        try:
            answer = self.client.put_object(Bucket=self.name, Key=key, Body=body, IfNoneMatch="*")
        except ClientError as error:
            assert error.response["Error"]["Code"] == "PreconditionFailed"  # noqa: PT017
            assert self.current(key) is not None
            return
        assert self.current(key) is None
        self.write(key, Version(answer.get("VersionId", "null"), body))

    @rule(source=key_of, to=key_of)
    def copy(self, source: str, to: str) -> None:
        body = self.current(source)
        if body is None or source == to:
            return
        answer = self.client.copy_object(
            Bucket=self.name, Key=to, CopySource={"Bucket": self.name, "Key": source}
        )
        self.write(to, Version(answer.get("VersionId", "null"), body))

    @rule(key=key_of)
    def delete(self, key: str) -> None:
        answer = self.client.delete_object(Bucket=self.name, Key=key)
        self.write(key, Version(answer.get("VersionId", "null"), None))

    @rule(key=key_of, index=st.integers(0, 3))
    def delete_version(self, key: str, index: int) -> None:
        history = self.model.get(key, [])
        if index >= len(history):
            return
        self.client.delete_object(Bucket=self.name, Key=key, VersionId=history[index].id)
        self.model[key] = history[:index] + history[index + 1 :]
        if not self.model[key]:
            del self.model[key]

    @rule()
    @precondition(lambda self: self.model)
    def delete_all(self) -> None:
        """Every version of every key in one request."""
        objects = [
            {"Key": key, "VersionId": version.id}
            for key, history in self.model.items()
            for version in history
        ]
        answer = self.client.delete_objects(Bucket=self.name, Delete={"Objects": objects})
        assert len(answer["Deleted"]) == len(objects), answer
        self.model.clear()

    @rule(status=st.sampled_from(["Enabled", "Suspended"]))
    def set_versioning(self, status: str) -> None:
        self.client.put_bucket_versioning(
            Bucket=self.name, VersioningConfiguration={"Status": status}
        )
        self.versioning = status

    @rule(key=key_of)
    def begin_upload(self, key: str) -> None:
        answer = self.client.create_multipart_upload(Bucket=self.name, Key=key)
        self.uploads[answer["UploadId"]] = (key, {})

    @rule(number=st.sampled_from([1, 2, 10_000]), size=size_of)
    @precondition(lambda self: self.uploads)
    def upload_part(self, number: int, size: int) -> None:
        upload_id, (key, parts) = next(iter(self.uploads.items()))
        body = self.body(size)
        self.client.upload_part(
            Bucket=self.name, Key=key, UploadId=upload_id, PartNumber=number, Body=body
        )
        parts[number] = body

    @rule()
    @precondition(lambda self: any(parts for _, parts in self.uploads.values()))
    def complete_upload(self) -> None:
        """With the last of its parts alone, which may have any size."""
        upload_id, (key, parts) = next((id_, one) for id_, one in self.uploads.items() if one[1])
        number, body = max(parts.items())
        answer = self.client.complete_multipart_upload(
            Bucket=self.name,
            Key=key,
            UploadId=upload_id,
            MultipartUpload={"Parts": [{"PartNumber": number, "ETag": md5(body)}]},
        )
        del self.uploads[upload_id]
        self.write(key, Version(answer.get("VersionId", "null"), body, uploaded=True))

    @rule()
    @precondition(lambda self: self.uploads)
    def abort_upload(self) -> None:
        upload_id, (key, _) = self.uploads.popitem()
        self.client.abort_multipart_upload(Bucket=self.name, Key=key, UploadId=upload_id)

    @rule()
    @precondition(lambda self: self.running)
    def kill(self) -> None:
        self.server.restart()
        self.client = self.server.client()
        self.check_bodies()

    @rule(
        keys=st.lists(key_of, min_size=1, unique=True),
        size=size_of,
        deletes=st.booleans(),
        milliseconds=st.integers(0, 40),
    )
    @precondition(lambda self: self.running)
    def kill_while_writing(
        self, keys: list[str], size: int, deletes: bool, milliseconds: int
    ) -> None:
        """Kill while some keys are being written."""
        intents = [
            Intent(key, None if deletes and number % 2 else self.body(size))
            for number, key in enumerate(keys)
        ]
        with ThreadPoolExecutor(len(intents)) as pool:
            jobs = [pool.submit(self.attempt, intent) for intent in intents]
            time.sleep(milliseconds / 1000)
            self.server.kill()
            answers = [job.result() for job in jobs]
        self.server.start()
        self.client = self.server.client()
        there = self.listed()
        for intent, answer in zip(intents, answers, strict=True):
            if answer is not None:
                version_id = answer.get("VersionId", "null")
                self.write(intent.key, Version(version_id, intent.body))
            else:
                self.settle(intent, there.get(intent.key, []))
        self.check_bodies()

    def attempt(self, intent: Intent) -> Any:
        """The answer, None without one."""
        try:
            if intent.body is None:
                return self.client.delete_object(Bucket=self.name, Key=intent.key)
            return self.client.put_object(Bucket=self.name, Key=intent.key, Body=intent.body)
        except (BotoCoreError, ClientError):
            return None

    def settle(self, intent: Intent, there: list[tuple[str, str]]) -> None:
        """A write without an answer happened or did not; the model learns which."""
        before = self.model.get(intent.key, [])
        if there == [(version.id, version.etag) for version in before]:
            return
        self.write(intent.key, Version(there[0][0] if there else "null", intent.body))

    def listed(self) -> dict[str, list[tuple[str, str]]]:
        """Ids and ETags of all versions by key in the order listed, read page by page."""
        found: dict[str, list[tuple[str, str]]] = {}
        query = {"versions": "", "max-keys": "4"}
        while True:
            page = ET.fromstring(self.store.send("GET", f"/{self.name}", query=query).body)
            for row in page:
                if row.tag in (f"{NAMESPACE}Version", f"{NAMESPACE}DeleteMarker"):
                    rows = found.setdefault(text(row, "Key"), [])
                    assert (text(row, "IsLatest") == "true") == (not rows)
                    rows.append((text(row, "VersionId"), text(row, "ETag")))
            if text(page, "IsTruncated") == "false":
                return found
            query["key-marker"] = text(page, "NextKeyMarker")
            query["version-id-marker"] = text(page, "NextVersionIdMarker")

    @invariant()
    def check_listings(self) -> None:
        wanted = {
            key: [(version.id, version.etag) for version in history]
            for key, history in self.model.items()
        }
        assert self.listed() == wanted
        rows = self.client.list_objects_v2(Bucket=self.name).get("Contents", [])
        assert [(one["Key"], one["ETag"]) for one in rows] == [
            (key, history[0].etag)
            for key, history in sorted(self.model.items(), key=lambda one: one[0].encode())
            if history[0].body is not None
        ]

    def check_bodies(self) -> None:
        """Every version has its bytes, and every upload its parts."""
        for key, history in self.model.items():
            for version in history:
                if version.body is not None:
                    body = read(self.client, self.name, key, VersionId=version.id)
                    assert body == version.body
        for upload_id, (key, parts) in self.uploads.items():
            page = self.client.list_parts(Bucket=self.name, Key=key, UploadId=upload_id)
            found = {one["PartNumber"]: one["ETag"] for one in page.get("Parts", [])}
            assert found == {number: md5(body) for number, body in parts.items()}

    def teardown(self) -> None:
        """The bucket is as the model says, and once that is deleted it is empty."""
        self.check_bodies()
        if self.model:
            self.delete_all()
        while self.uploads:
            self.abort_upload()
        self.client.delete_bucket(Bucket=self.name)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that is killed many times; two workers."""
    with Server(tmp_path) as running:
        yield running


@pytest.mark.timeout(200)
def test_a_bucket_that_outlives_kills(server: Server) -> None:
    """For about 45 seconds; a failure prints the steps that led to it."""
    Bucket.server = server
    Bucket.ended = time.monotonic() + 30
    run_state_machine_as_test(
        Bucket,
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
