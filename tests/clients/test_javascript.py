"""The AWS SDK for JavaScript, run by node: the scripts beside this check what they get back.

`make parts` installs the SDK from the lock file that is there.
"""

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.files import AWKWARD, digest, stored, write
from tests.support.programs import Program
from tests.support.server import ACCESS_KEY, REGION, SECRET_KEY, Server

pytestmark = pytest.mark.slow

SCRIPTS = Path(__file__).parent / "javascript"


class Scripts:
    """node with what the scripts read of their environment."""

    def __init__(self, server: Server, folder: Path) -> None:
        variables = {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": REGION,
            "ENDPOINT": server.endpoint,
        }
        self._node = Program(["node"], folder, variables)

    def run(self, name: str, *arguments: str | Path) -> Any:
        """What a script has seen; AssertionError unless all its own checks held."""
        return json.loads(self._node(SCRIPTS / name, *arguments))


@pytest.fixture
def scripts(server: Server, tmp_path: Path) -> Scripts:
    assert (SCRIPTS / "node_modules").is_dir(), "the SDK is not installed: make parts"
    return Scripts(server, tmp_path)


def test_checksums_are_sent_and_verified(scripts: Scripts, server: Server, tmp_path: Path) -> None:
    client = server.client()
    client.create_bucket(Bucket="checksums")
    file = write(tmp_path / "file", os.urandom(300_000))
    checksums = scripts.run("checksums.js", "checksums", file)
    assert set(stored(client, "checksums").values()) == {digest(file.read_bytes())}
    for algorithm, expected in checksums.items():
        head = client.head_object(Bucket="checksums", Key=algorithm, ChecksumMode="ENABLED")
        assert head[f"Checksum{algorithm}"] == expected
        assert "ContentEncoding" not in head


def test_streams_of_unknown_length(scripts: Scripts, server: Server) -> None:
    server.client().create_bucket(Bucket="streams")
    sizes = [0, 100, 5 << 20, (5 << 20) + 1, (10 << 20) + 1]
    etags = scripts.run("upload.js", "streams", *map(str, sizes))
    assert [etag.strip('"').partition("-")[2] for etag in etags.values()] == ["", "", "", "2", "3"]
    pattern = bytes(range(251)) * (sizes[-1] // 251 + 1)
    expected = {f"of {size}": digest(pattern[:size]) for size in sizes}
    assert stored(server.client(), "streams") == expected


def test_uploads_that_are_given_up_leave_nothing(scripts: Scripts, server: Server) -> None:
    client = server.client()
    client.create_bucket(Bucket="given-up")
    seen = scripts.run("abort.js", "given-up")
    assert seen["uploads"] == ["in parts"]
    assert seen["part"] >= 1
    assert stored(client, "given-up") == {}
    assert client.list_multipart_uploads(Bucket="given-up").get("Uploads", []) == []


def test_listings_and_deletes(scripts: Scripts, server: Server) -> None:
    client = server.client()
    client.create_bucket(Bucket="listings")
    keys = sorted([*AWKWARD, *(f"many/{number:02}" for number in range(20))], key=str.encode)
    for key in keys:
        client.put_object(Bucket="listings", Key=key, Body=key.encode())
    seen = scripts.run("listing.js", "listings", "many/07")
    assert seen["all"] == keys
    assert seen["folders"]["keys"] == [key for key in keys if "/" not in key]
    folders = {key.partition("/")[0] + "/" for key in keys if "/" in key}
    assert seen["folders"]["prefixes"] == sorted(folders, key=str.encode)
    kept = {*AWKWARD, "many/07"}
    assert stored(client, "listings") == {key: digest(key.encode()) for key in kept}


def test_presigned_urls(scripts: Scripts, server: Server) -> None:
    server.client().create_bucket(Bucket="urls")
    seen = scripts.run("presigned.js", "urls")
    assert seen == {
        "changed": [403, "SignatureDoesNotMatch"],
        "late": [403, "AccessDenied"],
        "typed": [403, "SignatureDoesNotMatch"],
    }
    assert stored(server.client(), "urls") == {"a ü+&/key": digest(b"content of the object")}


def test_versions_and_tags(scripts: Scripts, server: Server) -> None:
    ids = scripts.run("versions.js", "versions")
    listed = server.client().list_object_versions(Bucket="versions")
    assert [one["VersionId"] for one in listed["Versions"]] == ids[::-1]
    assert "DeleteMarkers" not in listed


def test_writes_under_conditions(scripts: Scripts, server: Server) -> None:
    server.client().create_bucket(Bucket="conditions")
    (winner,) = scripts.run("conditions.js", "conditions")
    expected = {"k": digest(b"third"), "raced": digest(winner.encode())}
    assert stored(server.client(), "conditions") == expected


def test_keys_of_clients(scripts: Scripts, server: Server) -> None:
    client = server.client()
    client.create_bucket(Bucket="client-keys")
    seen = scripts.run("customer_keys.js", "client-keys")
    given = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": base64.b64decode(seen["key"])}
    got = client.get_object(Bucket="client-keys", Key="big", **given)
    assert digest(got["Body"].read()) == seen["sha256"]
    assert got["ETag"].endswith('-3"')
