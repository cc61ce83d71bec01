"""rclone of Debian without retries: times, hashes, copies on the server, versions, pieces."""

import json
import os
from pathlib import Path

import pytest

from tests.clients.programs import rclone_of
from tests.support.files import digests, fetched, make_tree, stored, write
from tests.support.programs import Program
from tests.support.server import Server

pytestmark = pytest.mark.slow

PIECES = ("--s3-upload-cutoff", "5M", "--s3-chunk-size", "5M")


@pytest.fixture
def rclone(server: Server, tmp_path: Path) -> Program:
    return rclone_of(server, tmp_path)


def names(listed: str) -> list[str]:
    return sorted(line for line in listed.splitlines() if not line.endswith("/"))


def test_copy_and_check(rclone: Program, server: Server, tmp_path: Path) -> None:
    tree, back = tmp_path / "tree", tmp_path / "back"
    expected = make_tree(tree, count=30, size=60_000)
    rclone("mkdir", "ocean:copied")
    rclone("copy", tree, "ocean:copied/t")
    rclone("check", tree, "ocean:copied/t")
    rclone("check", "--download", tree, "ocean:copied/t")
    assert stored(server.client(), "copied", "t/") == expected
    assert names(rclone("lsf", "--recursive", "ocean:copied/t")) == sorted(expected)
    rclone("copy", "ocean:copied/t", back)
    assert digests(back) == expected
    assert (back / "a/b").stat().st_mtime_ns == (tree / "a/b").stat().st_mtime_ns
    write(tree / "a/b", b"other")
    assert "1 differences found" in rclone.refused("check", tree, "ocean:copied/t")


def test_times_are_changed_in_place(rclone: Program, server: Server, tmp_path: Path) -> None:
    """rclone copies the object onto itself with other metadata."""
    tree = tmp_path / "tree"
    content = digests(write(tree / "file", b"content").parent)
    rclone("mkdir", "ocean:timed")
    rclone("copy", tree, "ocean:timed")
    os.utime(tree / "file", ns=(1_600_000_000_123_456_789,) * 2)
    assert rclone.begin("copy", "--verbose", tree, "ocean:timed").finish() == 0
    assert "2020-09-13 12:26:40.123456789" in rclone("lsl", "ocean:timed")
    assert stored(server.client(), "timed") == content


def test_pieces_and_copies_on_the_server(
    rclone: Program, server: Server, big: Path, tmp_path: Path
) -> None:
    content = digests(big.parent)["big.bin"]
    rclone("mkdir", "ocean:pieces")
    rclone("copyto", *PIECES, big, "ocean:pieces/ü+big")
    rclone("copyto", "ocean:pieces/ü+big", "ocean:pieces/at once")
    rclone("copyto", "--s3-copy-cutoff", "5M", "ocean:pieces/ü+big", "ocean:pieces/by parts")
    rclone("moveto", "ocean:pieces/at once", "ocean:pieces/moved")
    kept = {"ü+big": content, "by parts": content, "moved": content}
    client = server.client()
    assert stored(client, "pieces") == kept
    assert client.head_object(Bucket="pieces", Key="by parts")["ETag"].endswith('-5"')
    rclone("copyto", "--multi-thread-cutoff", "1M", "ocean:pieces/moved", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == big.read_bytes()
    write(tmp_path / "text", b"".join(b"line %06d\n" % number for number in range(1000)))
    rclone("copyto", tmp_path / "text", "ocean:pieces/text")
    assert (
        rclone("cat", "--offset", "1200", "--count", "12", "ocean:pieces/text") == "line 000100\n"
    )


def test_sync_deletes_and_versions_stay(rclone: Program, server: Server, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    make_tree(tree, count=8, size=3_000)
    rclone("mkdir", "ocean:versions")
    assert "Enabled" in rclone("backend", "versioning", "ocean:versions", "Enabled")
    rclone("sync", tree, "ocean:versions/t")
    write(tree / "a/b", b"second")
    (tree / "empty").unlink()
    rclone("sync", tree, "ocean:versions/t")
    assert stored(server.client(), "versions", "t/") == digests(tree)
    shown = names(rclone("lsf", "--recursive", "--s3-versions", "ocean:versions/t"))
    assert len(shown) == len(digests(tree)) + 2, "one more of a/b, and the one that was deleted"
    assert "BucketNotEmpty" in rclone.refused("rmdir", "ocean:versions")
    rclone("backend", "cleanup-hidden", "ocean:versions")
    shown = names(rclone("lsf", "--recursive", "--s3-versions", "ocean:versions/t"))
    assert shown == sorted(digests(tree))
    rclone("purge", "ocean:versions")
    assert "versions" not in rclone("lsd", "ocean:")


def test_killed_while_it_copies(rclone: Program, server: Server, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    expected = make_tree(tree, count=250, size=300_000)
    rclone("mkdir", "ocean:killed")
    copy = ("copy", "--verbose", "--use-json-log", tree, "ocean:killed/t")
    running = rclone.begin(*copy)
    running.after("Copied", 20, server.kill)
    running.give_up()
    entries = [json.loads(line) for line in running.matches(r"(?m)^(\{.*\})$")]
    acknowledged = [each["object"] for each in entries if each["msg"].startswith("Copied")]
    assert 20 <= len(acknowledged) < len(expected)
    server.start()
    kept = stored(server.client(), "killed", "t/")
    assert {name: kept.get(name) for name in acknowledged} == {
        name: expected[name] for name in acknowledged
    }
    rclone(*copy)
    rclone("check", "--download", tree, "ocean:killed/t")
    assert stored(server.client(), "killed", "t/") == expected


def test_killed_within_pieces(rclone: Program, server: Server, big: Path) -> None:
    """What was there before stays whole, and the abandoned parts can be found and removed."""
    client = server.client()
    rclone("mkdir", "ocean:torn")
    rclone("copyto", *PIECES, big, "ocean:torn/big")
    content = fetched(client, "torn", "big")
    changed = write(big.parent.parent / "changed/big.bin", big.read_bytes()[::-1] * 4)
    one_by_one = (*PIECES, "--s3-upload-concurrency", "1")
    running = rclone.begin(
        "copyto", "-vv", "--dump", "headers", *one_by_one, changed, "ocean:torn/big"
    )
    running.after("partNumber=4", 1, server.kill)
    running.give_up()
    server.start()
    assert stored(client, "torn") == {"big": content}
    assert "big" in rclone("backend", "list-multipart-uploads", "ocean:torn")
    rclone("backend", "cleanup", "-o", "max-age=0", "ocean:torn")
    assert client.list_multipart_uploads(Bucket="torn").get("Uploads", []) == []
    rclone("copyto", *PIECES, changed, "ocean:torn/big")
    assert stored(client, "torn") == {"big": digests(changed.parent)["big.bin"]}
