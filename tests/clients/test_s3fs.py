"""s3fs of Debian: a bucket as a folder; what closed without an error is there after kill -9."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.files import digest, digests, make_tree, stored, write
from tests.support.programs import Program
from tests.support.server import ACCESS_KEY, SECRET_KEY, Server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/dev/fuse").exists(), reason="this machine has no /dev/fuse"),
]

ABORTED = (0, -signal.SIGABRT)  # what s3fs 1.90 does at its end when a close had failed
EMPTY = digest(b"")
_MOUNT_SECONDS = 20.0


@contextlib.contextmanager
def mounted(
    server: Server, bucket: str, folder: Path, ends: tuple[int, ...] = (0,)
) -> Iterator[Path]:
    """A folder that shows a bucket; `ends` are the statuses that s3fs may end with.

    Fails, rather than skips, where /dev/fuse is there but of no use.
    """
    password = write(folder / "password", f"{ACCESS_KEY}:{SECRET_KEY}".encode())
    password.chmod(0o600)
    place = folder / f"mount-{bucket}"
    place.mkdir(exist_ok=True)
    options = (
        f"passwd_file={password},url={server.endpoint},use_path_request_style,multipart_size=5,"
        "retries=1,connect_timeout=5,readwrite_timeout=15"
    )
    running = Program(["s3fs", bucket, str(place), "-f", "-o", options], folder).begin()
    deadline = time.monotonic() + _MOUNT_SECONDS
    while not os.path.ismount(place):
        ended = running.process.poll()
        if ended is not None or time.monotonic() > deadline:
            running.give_up()
            pytest.fail(f"s3fs could not mount (exit status {ended}): {running.output}")
        time.sleep(0.05)
    try:
        yield place
    finally:
        Program(["fusermount"], folder)("-u", place)
        status = running.finish()
    assert status in ends, f"{status}: {running.output}"
    assert "[CRT]" not in running.output, running.output


def objects(client: Any, bucket: str) -> dict[str, str]:
    """What is stored, without the objects that stand for folders."""
    return {key: sha for key, sha in stored(client, bucket).items() if not key.endswith("/")}


def test_files(server: Server, big: Path, tmp_path: Path) -> None:
    client = server.client()
    client.create_bucket(Bucket="files")
    expected = make_tree(tmp_path / "tree", count=15, size=60_000)
    content = big.read_bytes()
    with mounted(server, "files", tmp_path) as place:
        for name in expected:
            write(place / name, (tmp_path / "tree" / name).read_bytes())
        write(place / "big", content)
        assert digests(place) == {**expected, "big": digest(content)}
    assert objects(client, "files") == {**expected, "big": digest(content)}
    with mounted(server, "files", tmp_path) as place:
        assert digests(place) == {**expected, "big": digest(content)}


def test_files_change(server: Server, big: Path, tmp_path: Path) -> None:
    """s3fs copies what did not change on the server, part by part."""
    client = server.client()
    client.create_bucket(Bucket="changes")
    content = big.read_bytes()
    with mounted(server, "changes", tmp_path) as place:
        write(place / "old/big", content)
        write(place / "old/gone", b"gone")
        (place / "old").rename(place / "new")
        with (place / "new/big").open("r+b") as file:
            file.seek(6_000_000)
            file.write(b"changed")
        with (place / "new/big").open("ab") as file:
            file.write(b"appended")
        (place / "new/gone").unlink()
        write(place / "cut", b"0123456789")
        with (place / "cut").open("r+b") as file:
            file.truncate(4)
        (place / "cut").chmod(0o640)
        os.utime(place / "cut", (1_600_000_000, 1_600_000_000))
    content = content[:6_000_000] + b"changed" + content[6_000_007:] + b"appended"
    expected = {"new/big": digest(content), "cut": digest(b"0123")}
    assert objects(client, "changes") == expected
    with mounted(server, "changes", tmp_path) as place:
        assert digests(place) == expected
        told = (place / "cut").stat()
        assert (told.st_mode & 0o777, int(told.st_mtime)) == (0o640, 1_600_000_000)


def test_killed_while_files_are_written(server: Server, tmp_path: Path) -> None:
    client = server.client()
    client.create_bucket(Bucket="killed")
    expected = make_tree(tmp_path / "tree", count=60, size=200_000)
    acknowledged: list[str] = []

    def copy(name: str) -> None:
        with contextlib.suppress(OSError):
            write(place / name, (tmp_path / "tree" / name).read_bytes())
            acknowledged.append(name)

    with mounted(server, "killed", tmp_path, ABORTED) as place:
        with ThreadPoolExecutor(3) as pool:
            pool.map(copy, expected)
            while len(acknowledged) < 20:
                time.sleep(0.001)
            server.kill()
            assert len(acknowledged) < len(expected)
            server.start()
        kept = objects(client, "killed")
        assert {name: kept.get(name) for name in acknowledged} == {
            name: expected[name] for name in acknowledged
        }
        for name in set(expected) - set(acknowledged):
            write(place / name, (tmp_path / "tree" / name).read_bytes())
    assert objects(client, "killed") == expected


def test_killed_within_a_large_file(server: Server, big: Path, tmp_path: Path) -> None:
    client = server.client()
    client.create_bucket(Bucket="torn")
    content = big.read_bytes()
    with mounted(server, "torn", tmp_path, ABORTED) as place:
        write(place / "old", content)
        file = (place / "new").open("wb")
        file.write(content)
        server.kill()
        with pytest.raises(OSError, match="Errno"):
            file.close()
        server.start()
        kept = objects(client, "torn")
        assert kept["old"] == digest(content)
        assert kept.get("new", EMPTY) == EMPTY, "s3fs makes an empty object first"
        write(place / "new", content)
    assert objects(client, "torn") == {"old": digest(content), "new": digest(content)}
