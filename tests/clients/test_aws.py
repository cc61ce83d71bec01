"""The AWS CLI of PyPI with its default settings, checksums among them, but no retries."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.clients.programs import aws_of
from tests.support.files import digests, fetched, make_tree, stored, write
from tests.support.programs import Program
from tests.support.server import Server

pytestmark = pytest.mark.slow

ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")
QUIET = "--no-progress"


@pytest.fixture
def aws(server: Server, tmp_path: Path) -> Program:
    return aws_of(server, tmp_path)


def answer(aws: Program, *arguments: str | Path) -> Any:
    """What an `s3api` command answered; None for nothing."""
    told = aws("s3api", *arguments)
    return json.loads(told) if told.strip() else None


def test_single_objects(aws: Program, server: Server, big: Path, tmp_path: Path) -> None:
    aws("s3", "mb", "s3://single")
    aws("s3", "cp", QUIET, big, "s3://single/day 1/ü+big")
    assert aws("s3", "ls", "s3://single").split() == ["PRE", "day", "1/"]
    size = big.stat().st_size
    told = aws("s3", "ls", "--recursive", "--summarize", "s3://single")
    assert f"{size} day 1/ü+big" in told
    assert f"Total Size: {size}" in told
    aws("s3", "cp", QUIET, "s3://single/day 1/ü+big", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == big.read_bytes()
    aws("s3", "mv", QUIET, "s3://single/day 1/ü+big", "s3://single/moved")
    assert stored(server.client(), "single") == {"moved": digests(big.parent)["big.bin"]}
    url = aws("s3", "presign", "s3://single/moved", "--expires-in", "60").strip()
    with urllib.request.urlopen(url) as response:
        assert response.read() == big.read_bytes()
    assert "BucketNotEmpty" in aws.refused("s3", "rb", "s3://single")
    aws("s3", "rb", "--force", "s3://single")
    assert "NoSuchBucket" in aws.refused("s3", "ls", "s3://single")


def test_sync_both_ways(aws: Program, server: Server, tmp_path: Path) -> None:
    tree, back = tmp_path / "tree", tmp_path / "back"
    expected = make_tree(tree, count=30, size=60_000)
    aws("s3", "mb", "s3://synced")
    assert aws("s3", "sync", QUIET, tree, "s3://synced/t").count("upload: ") == len(expected)
    assert aws("s3", "sync", QUIET, tree, "s3://synced/t") == ""
    assert stored(server.client(), "synced", "t/") == expected
    aws("s3", "sync", QUIET, "s3://synced/t", back)
    assert digests(back) == expected
    (tree / "empty").unlink()
    write(tree / "many/0000.bin", b"changed")
    told = aws("s3", "sync", QUIET, "--delete", tree, "s3://synced/t")
    assert (told.count("upload: "), told.count("delete: ")) == (1, 1)
    aws("s3", "sync", QUIET, "s3://synced/t", "s3://synced/u")
    assert stored(server.client(), "synced", "u/") == digests(tree)
    assert aws("s3", "rm", "--recursive", "s3://synced/").count("delete: ") == 2 * len(
        digests(tree)
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_checksum(aws: Program, server: Server, big: Path, tmp_path: Path, algorithm: str) -> None:
    bucket = f"sum-{algorithm.lower()}"
    server.client().create_bucket(Bucket=bucket)
    small = write(tmp_path / "small", b"small\n" * 1000)
    at = ("--bucket", bucket, "--key", "small")
    chosen = ("--checksum-algorithm", algorithm)
    put = answer(aws, "put-object", *at, "--body", small, *chosen)
    name = f"Checksum{algorithm}"
    told = answer(
        aws, "get-object-attributes", *at, "--object-attributes", "Checksum", "ObjectSize"
    )
    assert told["Checksum"][name] == put[name]
    assert told["ObjectSize"] == 6000
    got = answer(aws, "get-object", *at, "--checksum-mode", "ENABLED", tmp_path / "back")
    assert got[name] == put[name]
    assert (tmp_path / "back").read_bytes() == small.read_bytes()
    aws("s3", "cp", QUIET, *chosen, big, f"s3://{bucket}/big")
    aws(
        "s3", "cp", QUIET, "--checksum-mode", "ENABLED", f"s3://{bucket}/big", tmp_path / "big.back"
    )
    assert (tmp_path / "big.back").read_bytes() == big.read_bytes()


def test_killed_while_it_copies(aws: Program, server: Server, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    expected = make_tree(tree, count=120, size=400_000)
    aws("s3", "mb", "s3://killed")
    slow = write(tmp_path / ".aws/config", b"[default]\ns3 =\n  max_bandwidth = 10MB/s\n")
    running = aws.begin("s3", "cp", "--recursive", QUIET, tree, "s3://killed/t/")
    running.after("^upload: ", 20, server.kill)
    assert running.finish() == 1, "a copy that failed in part must say so"
    acknowledged = running.matches("(?m)^upload: .* to s3://killed/t/(.*)$")
    assert 20 <= len(acknowledged) < len(expected)
    server.start()
    kept = stored(server.client(), "killed", "t/")
    assert {name: kept.get(name) for name in acknowledged} == {
        name: expected[name] for name in acknowledged
    }
    slow.unlink()
    aws("s3", "sync", QUIET, tree, "s3://killed/t/")
    assert stored(server.client(), "killed", "t/") == expected


def test_parts_outlive_a_kill(aws: Program, server: Server, big: Path, tmp_path: Path) -> None:
    """By hand, part by part: what `s3api` is for."""
    content = big.read_bytes()
    pieces = [content[at : at + (8 << 20)] for at in range(0, len(content), 8 << 20)]
    aws("s3", "mb", "s3://parts")
    at = ["--bucket", "parts", "--key", "big"]
    at += ["--upload-id", answer(aws, "create-multipart-upload", *at)["UploadId"]]
    for number, piece in enumerate(pieces, start=1):
        body = write(tmp_path / "piece", piece)
        answer(aws, "upload-part", *at, "--part-number", str(number), "--body", body)
        server.restart()
    parts = answer(aws, "list-parts", *at)["Parts"]
    assert [part["Size"] for part in parts] == [len(piece) for piece in pieces]
    sent = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in parts]
    chosen = write(tmp_path / "parts.json", json.dumps({"Parts": sent}).encode())
    done = answer(aws, "complete-multipart-upload", *at, "--multipart-upload", f"file://{chosen}")
    server.restart()
    assert done["ETag"].endswith('-3"')
    assert fetched(server.client(), "parts", "big") == digests(big.parent)["big.bin"]
