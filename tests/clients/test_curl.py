"""curl, as cameras and scripts use it: presigned URLs, its own SigV4, ranges, resumed downloads."""

import time
from pathlib import Path

import pytest

from tests.support.files import digest, digests, fetched, stored, write
from tests.support.programs import Program
from tests.support.server import ACCESS_KEY, REGION, SECRET_KEY, Server

pytestmark = pytest.mark.slow

PARTIAL_FILE = 18  # exit status of a transfer that ended early
SLOW = ("--limit-rate", "10M")
SLOWER = ("--limit-rate", "2M")


@pytest.fixture
def curl(tmp_path: Path) -> Program:
    return Program(["curl", "--silent", "--show-error", "--fail"], tmp_path)


@pytest.mark.parametrize("version", [None, "s3v4"])
def test_presigned_on_virtual_hosts(
    server: Server, curl: Program, tmp_path: Path, version: str | None
) -> None:
    """Every name below localhost is this machine to curl."""
    client = server.client(
        f"http://localhost:{server.port}",
        s3={"addressing_style": "virtual"},
        signature_version=version,
    )
    at = {"Bucket": f"virtual-{version}".lower(), "Key": "ü +/key"}
    server.client().create_bucket(Bucket=at["Bucket"])
    file = write(tmp_path / "file", b"content\n")
    url = client.generate_presigned_url("put_object", Params=at, ExpiresIn=60)
    assert url.startswith(f"http://{at['Bucket']}.localhost:")
    curl("--upload-file", file, url)
    url = client.generate_presigned_url("get_object", Params=at, ExpiresIn=60)
    assert curl(url) == "content\n"
    assert curl("--range", "3-5", url) == "ten"
    assert "403" in curl.refused(url.replace("key", "other"))


def test_its_own_signature(server: Server, curl: Program, big: Path, tmp_path: Path) -> None:
    server.client().create_bucket(Bucket="signed")
    key = ("--aws-sigv4", f"aws:amz:{REGION}:s3", "--user", f"{ACCESS_KEY}:{SECRET_KEY}")
    url = f"{server.endpoint}/signed/big"
    for told in (digest(big.read_bytes()), "UNSIGNED-PAYLOAD"):
        content = ("--header", f"x-amz-content-sha256: {told}")
        curl(*key, *content, "--upload-file", big, url)
        curl(*key, "--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "-o", "back", url)
        assert (tmp_path / "back").read_bytes() == big.read_bytes()
    wrong = ("--header", f"x-amz-content-sha256: {digest(b'other')}")
    assert "400" in curl.refused(*key, *wrong, "--upload-file", big, f"{server.endpoint}/signed/no")
    assert list(stored(server.client(), "signed")) == ["big"]


def test_killed_within_a_download(server: Server, curl: Program, big: Path, tmp_path: Path) -> None:
    """It cannot be taken for complete, and goes on where it ended."""
    client = server.client()
    client.create_bucket(Bucket="downloads")
    content = big.read_bytes() * 2
    client.put_object(Bucket="downloads", Key="big", Body=content)
    at = {"Bucket": "downloads", "Key": "big"}
    url = client.generate_presigned_url("get_object", Params=at, ExpiresIn=600)
    running = curl.begin(*SLOW, "--verbose", "--output", "back", url)
    running.after("< HTTP/1.1 200", 1, lambda: wait_for(tmp_path / "back", 4 << 20))
    server.kill()
    assert running.finish() == PARTIAL_FILE, running.output
    part = (tmp_path / "back").read_bytes()
    assert 0 < len(part) < len(content)
    assert content.startswith(part)
    server.start()
    curl("--continue-at", "-", "--output", "back", url)
    assert (tmp_path / "back").read_bytes() == content


def test_killed_within_an_upload(server: Server, curl: Program, big: Path) -> None:
    """The object that was there stays, whole."""
    client = server.client()
    client.create_bucket(Bucket="uploads")
    at = {"Bucket": "uploads", "Key": "k"}
    client.put_object(**at, Body=b"old")
    url = client.generate_presigned_url("put_object", Params=at, ExpiresIn=600)
    running = curl.begin(*SLOWER, "--verbose", "--upload-file", big, url)
    running.after("< HTTP/1.1 100", 1, lambda: time.sleep(0.5))
    server.kill()
    assert running.finish() != 0
    server.start()
    assert fetched(client, "uploads", "k") == digest(b"old")
    curl("--upload-file", big, url)
    assert fetched(client, "uploads", "k") == digests(big.parent)["big.bin"]


def wait_for(path: Path, size: int) -> None:
    """Until a file that another process writes has so many bytes; the test's timeout bounds it."""
    while not path.exists() or path.stat().st_size < size:
        time.sleep(0.01)
