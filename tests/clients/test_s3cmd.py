"""s3cmd of Debian: everything its manual offers of what the server has, in SigV4 and SigV2."""

import urllib.request
from pathlib import Path

import pytest

from tests.clients.programs import s3cmd_of
from tests.support.files import digests, fetched, make_tree, stored, write
from tests.support.programs import Program
from tests.support.server import REGION, Server

pytestmark = pytest.mark.slow

CHUNKS = "--multipart-chunk-size-mb=5"


@pytest.fixture
def s3cmd(server: Server, tmp_path: Path) -> Program:
    return s3cmd_of(server, tmp_path)


def test_everyday_commands(s3cmd: Program, big: Path, tmp_path: Path) -> None:
    small = write(tmp_path / "small.txt", b"small\n" * 1000)
    assert "created" in s3cmd("mb", "s3://everyday")
    assert "s3://everyday\n" in s3cmd("ls")
    s3cmd("put", small, "s3://everyday/docs/small.txt")
    s3cmd("put", CHUNKS, big, "s3://everyday/big")
    assert s3cmd("multipart", "s3://everyday").split()[-1] == "Id", "no upload may be left open"
    size = big.stat().st_size
    listed = s3cmd("ls", "--recursive", "s3://everyday").splitlines()
    assert [line.split()[2:] for line in listed] == [
        [str(size), "s3://everyday/big"],
        ["6000", "s3://everyday/docs/small.txt"],
    ]
    assert "DIR  s3://everyday/docs/" in s3cmd("ls", "s3://everyday")
    assert "s3://everyday/big\n" in s3cmd("la")
    assert s3cmd("du", "s3://everyday").split()[:2] == [str(size + 6000), "2"]
    s3cmd("get", "s3://everyday/big", tmp_path / "big.back")
    assert (tmp_path / "big.back").read_bytes() == big.read_bytes()
    assert f"File size: {size}\n" in s3cmd("info", "s3://everyday/big")
    assert f"Location:  {REGION}\n" in s3cmd("info", "s3://everyday")


def test_copies_moves_and_headers(server: Server, s3cmd: Program, big: Path) -> None:
    client = server.client()
    s3cmd("mb", "s3://moves")
    s3cmd(
        "put",
        CHUNKS,
        "--mime-type=video/mp4",
        "--add-header=x-amz-meta-camera:7",
        big,
        "s3://moves/a",
    )
    content = fetched(client, "moves", "a")
    s3cmd("cp", "s3://moves/a", "s3://moves/copied")
    s3cmd("mv", "s3://moves/copied", "s3://moves/ü moved+%")
    assert stored(client, "moves") == {"a": content, "ü moved+%": content}
    s3cmd("modify", "--add-header=Cache-Control:no-cache", "s3://moves/ü moved+%")
    head = client.head_object(Bucket="moves", Key="ü moved+%")
    assert (head["CacheControl"], head["ContentType"]) == ("no-cache", "video/mp4")
    assert head["Metadata"]["camera"] == "7"
    assert fetched(client, "moves", "ü moved+%") == content
    s3cmd("modify", "--remove-header=Cache-Control", "s3://moves/ü moved+%")
    assert "CacheControl" not in client.head_object(Bucket="moves", Key="ü moved+%")


def test_sync_both_ways(server: Server, s3cmd: Program, tmp_path: Path) -> None:
    tree, back = tmp_path / "tree", tmp_path / "back"
    expected = make_tree(tree, count=12, size=40_000)
    back.mkdir()
    s3cmd("mb", "s3://synced")
    assert s3cmd("sync", f"{tree}/", "s3://synced/t/").count("upload: ") == len(expected)
    assert s3cmd("sync", f"{tree}/", "s3://synced/t/").count("upload: ") == 0
    assert stored(server.client(), "synced", "t/") == expected
    s3cmd("sync", "s3://synced/t/", f"{back}/")
    assert digests(back) == expected
    (tree / "empty").unlink()
    write(tree / "many/0000.bin", b"changed")
    told = s3cmd("sync", "--delete-removed", f"{tree}/", "s3://synced/t/")
    assert (told.count("upload: "), told.count("delete: ")) == (1, 1)
    assert stored(server.client(), "synced", "t/") == digests(tree)
    s3cmd("cp", "--recursive", "s3://synced/t/", "s3://synced/u/")
    assert stored(server.client(), "synced", "u/") == digests(tree)


def test_a_bucket_goes_when_it_is_empty(s3cmd: Program, tmp_path: Path) -> None:
    make_tree(tmp_path / "tree", count=5, size=100)
    s3cmd("mb", "s3://going")
    s3cmd("put", "--recursive", f"{tmp_path}/tree/", "s3://going/")
    assert "BucketNotEmpty" in s3cmd.refused("rb", "s3://going")
    s3cmd("del", "--recursive", "--force", "s3://going")
    assert s3cmd("ls", "--recursive", "s3://going") == ""
    assert "removed" in s3cmd("rb", "s3://going")
    assert "NoSuchBucket" in s3cmd.refused("ls", "s3://going")


def test_signature_version_2(server: Server, s3cmd: Program, big: Path, tmp_path: Path) -> None:
    s3cmd("mb", "s3://older", "--signature-v2")
    s3cmd("put", "--signature-v2", CHUNKS, big, "s3://older/ü +big")
    s3cmd("get", "--signature-v2", "s3://older/ü +big", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == big.read_bytes()
    url = s3cmd("signurl", "s3://older/ü +big", "+60").strip()
    assert "AWSAccessKeyId=" in url
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == big.read_bytes()


def test_what_is_not_there_is_named(s3cmd: Program, tmp_path: Path) -> None:
    small = write(tmp_path / "small", b"x")
    s3cmd("mb", "s3://named")
    s3cmd("put", "--acl-private", small, "s3://named/small")
    assert "does not exist" in s3cmd.refused("get", "s3://named/other", tmp_path / "nothing")


def test_killed_while_it_syncs(server: Server, s3cmd: Program, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    expected = make_tree(tree, count=60, size=300_000)
    s3cmd("mb", "s3://killed")
    running = s3cmd.begin("sync", f"{tree}/", "s3://killed/t/")
    running.after("^upload: ", 15, server.kill)
    running.give_up()
    acknowledged = running.matches(r"-> 's3://killed/t/(.*)' +\(")
    assert 15 <= len(acknowledged) < len(expected), running.output
    server.start()
    kept = stored(server.client(), "killed", "t/")
    assert {name: kept.get(name) for name in acknowledged} == {
        name: expected[name] for name in acknowledged
    }
    s3cmd("sync", f"{tree}/", "s3://killed/t/")
    assert stored(server.client(), "killed", "t/") == expected


def test_killed_within_a_multipart_upload(
    server: Server, s3cmd: Program, big: Path, tmp_path: Path
) -> None:
    s3cmd("mb", "s3://resumed")
    running = s3cmd.begin("--debug", "put", CHUNKS, big, "s3://resumed/big")
    running.after(r"^DEBUG: Uploading part 4", 1, server.kill)
    running.give_up()
    server.start()
    upload = s3cmd("multipart", "s3://resumed").split()[-1]
    client = server.client()
    parts = client.list_parts(Bucket="resumed", Key="big", UploadId=upload)["Parts"]
    assert [part["PartNumber"] for part in parts][:3] == [1, 2, 3], "their answers had come"
    again = s3cmd.begin("put", CHUNKS, "--upload-id", upload, big, "s3://resumed/big")
    assert again.finish() == 0, again.output
    assert again.output.count("size and md5sum match for") >= 3, "what is there is not sent again"
    assert fetched(client, "resumed", "big") == digests(big.parent)["big.bin"]
