"""`ocean backup` under load, `ocean restore` elsewhere, and what an operator is told at night."""

import json
import os
import random
import threading
from pathlib import Path
from typing import Any, Self

import pytest

from tests.support.server import Server

pytestmark = pytest.mark.slow

MIB = 1 << 20


def ocean(server: Server, *arguments: str | Path, **settings: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of a command with the server's settings."""
    done = server.run(*arguments, **settings)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


def backup(server: Server, folder: Path) -> dict[str, Any]:
    status, out, error = ocean(server, "backup", folder, "--json", "--verify")
    assert status == 0, (out, error)
    found: dict[str, Any] = json.loads(out)
    return found


def restored(server: Server, folder: Path, to: Path) -> Server:
    """A server on what was restored, not started, with the same master key."""
    other = Server(to, server.settings)
    other.settings["OCEAN_MASTER_KEY_FILE"] = server.environment["OCEAN_MASTER_KEY_FILE"]
    status, out, error = ocean(other, "restore", folder, "--verify")
    assert status == 0, (out, error)
    return other


class Load(threading.Thread):
    """Puts, overwrites and deletes until the `with` ends; every acknowledged put is noted."""

    def __init__(self, server: Server, seed: int) -> None:
        super().__init__()
        self._client = server.client()
        self._random = random.Random(seed)
        self._seed = seed
        self._end = threading.Event()
        self.kept: dict[str, bytes] = {}  # keys that are written once
        self.requests = 0

    def run(self) -> None:
        while not self._end.is_set():
            self.requests += 1
            data = self._random.randbytes(self._random.choice((100, 20_000, 300_000, 2 * MIB)))
            key = f"churn/{self._random.randrange(20)}"
            if self.requests % 4 == 0:
                key = f"kept/{self._seed}-{self.requests}"
            if self.requests % 5 == 0:
                self._client.delete_object(Bucket="bucket", Key=f"churn/{self.requests % 20}")
            self._client.put_object(Bucket="bucket", Key=key, Body=data)
            if key.startswith("kept/"):
                self.kept[key] = data

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._end.set()
        self.join()


def fill(client: Any) -> dict[str, bytes]:
    """Objects of every way to lie on disk."""
    client.create_bucket(Bucket="bucket")
    objects = {f"settled/{n}": os.urandom(size) for n, size in enumerate((0, 1, 9000, 3 * MIB))}
    for key, data in objects.items():
        client.put_object(Bucket="bucket", Key=key, Body=data)
    parts = [os.urandom(5 * MIB), os.urandom(77)]
    upload = client.create_multipart_upload(Bucket="bucket", Key="settled/parts")["UploadId"]
    place = {"Bucket": "bucket", "Key": "settled/parts", "UploadId": upload}
    tags = [client.upload_part(**place, PartNumber=n + 1, Body=p) for n, p in enumerate(parts)]
    named = [{"PartNumber": n + 1, "ETag": tag["ETag"]} for n, tag in enumerate(tags)]
    client.complete_multipart_upload(**place, MultipartUpload={"Parts": named})
    return {**objects, "settled/parts": b"".join(parts)}


def wrong(client: Any, objects: dict[str, bytes]) -> list[str]:
    """Keys whose bytes are not those that were put."""
    return [
        key
        for key, data in objects.items()
        if client.get_object(Bucket="bucket", Key=key)["Body"].read() != data
    ]


def test_a_backup_under_load_holds_what_was_acknowledged_before_it(tmp_path: Path) -> None:
    """With a grace period so short that blobs go while they are being copied."""
    settings = {"OCEAN_BLOBS_GRACE_SECONDS": "1", "OCEAN_BLOBS_SWEEP_SECONDS": "1"}
    with Server(tmp_path / "first", settings) as server:
        objects = fill(server.client())
        with Load(server, 1) as one, Load(server, 2) as two:
            while min(one.requests, two.requests) < 20:
                threading.Event().wait(0.05)
            for _ in range(3):
                before = {**objects, **one.kept, **two.kept}
                backup(server, tmp_path / "copy")
            grown = len(one.kept) + len(two.kept) - len(before) + len(objects)
        assert grown > 0, "nothing was written during the backup"
    with restored(server, tmp_path / "copy", tmp_path / "second") as second:
        assert wrong(second.client(), before) == []
        second.client().put_object(Bucket="bucket", Key="new", Body=b"1" * MIB)
        assert second.stop() == 0
        status, out, _ = ocean(second, "fsck", "--verify")
        assert (status, out[:8]) == (0, "0 faults"), out


def test_a_second_backup_copies_only_what_is_new(tmp_path: Path) -> None:
    with Server(tmp_path / "first") as server:
        fill(server.client())
        assert backup(server, tmp_path / "copy")["size"] > 8 * MIB
        server.client().put_object(Bucket="bucket", Key="new", Body=os.urandom(MIB))
        again = backup(server, tmp_path / "copy")
        assert again["files"] == 1
        assert MIB <= again["size"] < MIB + 10_000
        assert server.stop() == 0
        assert backup(server, tmp_path / "copy")["files"] == 0


def test_a_lost_master_key(tmp_path: Path) -> None:
    """Nothing starts with another key, and what the key did not seal can be had without it."""
    generated = {"OCEAN_ROOT_ACCESS_KEY": "", "OCEAN_ROOT_SECRET_KEY": ""}
    with Server(tmp_path / "first", generated) as server:
        assert server.stop() == 0
        status, out, _ = ocean(server, "backup", tmp_path / "copy")
        assert status == 0
        assert f"keep {tmp_path}/first/master.key apart" in out
    second = Server(tmp_path / "second", generated)
    status, out, error = ocean(second, "restore", tmp_path / "copy")
    assert status == 0
    (line,) = [line for line in error.splitlines() if line.startswith("ocean: ")]
    assert "master.key" in line
    assert "need master key" in line
    for command in ("serve", "credentials"):
        status, _, error = ocean(second, command)
        assert (status, len(error.splitlines())) == (2, 1), error
        assert "need master key" in error
    assert not (tmp_path / "second/master.key").exists(), "a key was made that opens nothing"
    other = Server(tmp_path / "other", generated).start()
    other.stop()
    (tmp_path / "other/master.key").rename(tmp_path / "second/master.key")
    status, _, error = ocean(second, "serve")
    assert status == 2
    assert "this is master key" in error
    assert ocean(second, "credentials", "--forget-sealed")[0] == 0
    with second:
        assert "Access key" in second.said()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("backup", "copy"), "no server ran on this data folder yet"),
        (("restore", "nowhere"), "no backup"),
        (("backup",), "DIR"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    server = Server(tmp_path / "first")
    status, out, error = ocean(server, *arguments)
    assert (status, out) == (2, "")
    assert words in error.splitlines()[-1]


def test_lost_metadata_is_rebuilt_from_the_blobs(tmp_path: Path) -> None:
    with Server(tmp_path / "first") as server:
        objects = fill(server.client())
        status, _, error = ocean(server, "rebuild")
        assert status == 2
        assert "another server" in error
        assert server.stop() == 0
    status, _, error = ocean(server, "rebuild")
    assert status == 2
    assert "can be read and has 1 buckets" in error
    (server.data / "restoring").write_bytes(b"rebuild")  # as if one had been killed
    status, _, error = ocean(server, "serve")
    assert status == 2
    assert "`ocean rebuild` of this folder was broken off" in error
    database = server.data / "meta" / "ocean.sqlite"
    database.write_bytes(b"\0" * database.stat().st_size)
    status, _, error = ocean(server, "serve")
    assert (status, len(error.splitlines())) == (2, 1), error
    status, out, error = ocean(server, "rebuild", "--json")
    assert status == 0, error
    told = json.loads(out)
    assert (told["buckets"], told["incomplete"], told["unlabeled"]) == (1, 0, 0)
    assert (Path(told["aside"]) / "ocean.sqlite").exists()
    with server:
        client = server.client()
        (bucket,) = [found["Name"] for found in client.list_buckets()["Buckets"]]
        assert bucket.startswith("recovered-")
        for key, data in objects.items():
            if data:  # nothing is written for an empty object
                assert client.get_object(Bucket=bucket, Key=key)["Body"].read() == data
        assert server.stop() == 0
    status, out, _ = ocean(server, "fsck", "--verify")
    assert status == 0, out


def test_buckets_keep_names_that_can_be_read(tmp_path: Path) -> None:
    with Server(tmp_path / "first") as server:
        objects = fill(server.client())
        server.client().delete_object(Bucket="bucket", Key="settled/1")
        assert server.stop() == 0
    for _ in range(2):
        status, _, error = ocean(server, "rebuild", "--discard-metadata")
        assert status == 0, error
    with server:
        assert wrong(server.client(), {key: objects[key] for key in objects if objects[key]}) == []
