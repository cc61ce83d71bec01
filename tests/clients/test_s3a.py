"""Hadoop's shell and distcp on s3a, its connector to S3, which signs each chunk that it sends.

`make nightly-clients` fetches them.
"""

import os
import uuid
from pathlib import Path

import pytest

from tests.support.files import digest, digests, make_tree, stored, write
from tests.support.programs import Program
from tests.support.server import ACCESS_KEY, REGION, SECRET_KEY, Server

pytestmark = [pytest.mark.nightly(part="clients"), pytest.mark.timeout(600)]

JARS = Path(__file__).parent / "s3a" / "target" / "lib"
CHECKSUMS = ("-D", "fs.s3a.checksum.generation=true")
ALGORITHM = ("-D", "fs.s3a.create.checksum.algorithm=CRC32C")


class Hadoop:
    """Its programs, each a Java process with the same configuration, without retries."""

    def __init__(self, server: Server, folder: Path) -> None:
        assert JARS.is_dir(), "the jars of s3a are not here: make nightly-clients"
        settings = {
            "hadoop.tmp.dir": str(folder / "tmp"),
            "fs.s3a.endpoint": server.endpoint,
            "fs.s3a.endpoint.region": REGION,
            "fs.s3a.path.style.access": "true",
            "fs.s3a.access.key": ACCESS_KEY,
            "fs.s3a.secret.key": SECRET_KEY,
            "fs.s3a.attempts.maximum": "1",
            "fs.s3a.retry.limit": "0",
            "fs.s3a.multipart.size": str(16 << 20),
        }
        properties = "".join(
            f"<property><name>{name}</name><value>{value}</value></property>"
            for name, value in settings.items()
        )
        text = f"<configuration>{properties}</configuration>"
        conf = write(folder / "conf" / "core-site.xml", text.encode()).parent
        java = ["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"
        java += [quiet, "-cp", f"{conf}:{JARS}/*"]
        self.shell = Program([*java, "org.apache.hadoop.fs.FsShell"], folder)
        self.distcp = Program([*java, "org.apache.hadoop.tools.DistCp"], folder)


@pytest.fixture
def hadoop(server: Server, tmp_path: Path) -> Hadoop:
    return Hadoop(server, tmp_path)


@pytest.fixture
def bucket(server: Server) -> str:
    name = f"s3a-{uuid.uuid4()}"
    server.client().create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="module")
def huge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100 MB of random bytes: six parts."""
    return write(tmp_path_factory.mktemp("huge") / "huge.bin", os.urandom(100_000_000))


def files(server: Server, bucket: str, prefix: str = "") -> dict[str, str]:
    """The digest of each object, but the empty ones that stand for folders."""
    found = stored(server.client(), bucket, prefix)
    folders = {name: content for name, content in found.items() if not name or name[-1] == "/"}
    assert set(folders.values()) <= {digest(b"")}
    return {name: content for name, content in found.items() if name not in folders}


def listed(hadoop: Hadoop, url: str) -> dict[str, int]:
    """The size of each file below `url`, as the shell lists them."""
    lines = hadoop.shell("-ls", "-R", url).splitlines()
    rows = [line.split(maxsplit=7) for line in lines if line.startswith("-")]
    return {row[7].removeprefix(f"{url}/"): int(row[4]) for row in rows}


def test_trees_are_put_renamed_and_removed(
    hadoop: Hadoop, server: Server, bucket: str, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    expected = make_tree(tree, count=10, size=60_000)
    url = f"s3a://{bucket}"
    hadoop.shell("-mkdir", "-p", f"{url}/data/empty")
    hadoop.shell("-put", tree, f"{url}/data")
    assert files(server, bucket, "data/tree/") == expected
    sizes = {name: (tree / name).stat().st_size for name in expected}
    assert listed(hadoop, f"{url}/data/tree") == sizes
    assert "File exists" in hadoop.shell.refused("-put", tree / "a/b", f"{url}/data/tree/a/b")
    hadoop.shell("-mv", f"{url}/data", f"{url}/moved")
    assert files(server, bucket) == {f"moved/tree/{name}": expected[name] for name in expected}
    assert "No such file" in hadoop.shell.refused("-ls", f"{url}/data")
    hadoop.shell("-get", f"{url}/moved/tree", tmp_path / "back")
    assert digests(tmp_path / "back") == expected
    assert "Is a directory" in hadoop.shell.refused("-rm", f"{url}/moved/tree")
    hadoop.shell("-rm", "-r", "-skipTrash", f"{url}/moved/tree/many")
    kept = {name: content for name, content in expected.items() if not name.startswith("many/")}
    assert files(server, bucket, "moved/tree/") == kept
    hadoop.shell("-rm", "-r", "-skipTrash", f"{url}/moved")
    assert files(server, bucket) == {}
    assert hadoop.shell("-ls", f"{url}/") == ""


def test_large_files_go_at_once_and_in_parts(
    hadoop: Hadoop, server: Server, bucket: str, huge: Path, tmp_path: Path
) -> None:
    """The shell puts a local file at once, and what it reads from a stream in parts."""
    content = digests(huge.parent)["huge.bin"]
    client = server.client()
    url = f"s3a://{bucket}"

    def parts(key: str) -> str:
        etag: str = client.head_object(Bucket=bucket, Key=key)["ETag"]
        return etag.strip('"').partition("-")[2]

    hadoop.shell("-put", huge, f"{url}/put")
    hadoop.shell("-cp", "-d", f"file://{huge}", f"{url}/streamed")
    assert (parts("put"), parts("streamed")) == ("", "6")
    hadoop.shell("-mv", f"{url}/streamed", f"{url}/renamed")
    assert stored(client, bucket) == {"put": content, "renamed": content}
    hadoop.shell("-get", f"{url}/renamed", tmp_path / "back")
    assert digest((tmp_path / "back").read_bytes()) == content
    assert client.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []


def test_files_are_read_from_their_middle(hadoop: Hadoop, server: Server, bucket: str) -> None:
    text = "".join(f"line {number}\n" for number in range(200_000))
    server.client().put_object(Bucket=bucket, Key="text", Body=text.encode())
    url = f"s3a://{bucket}/text"
    assert hadoop.shell("-cat", url) == text
    assert hadoop.shell("-tail", url) == text[-1024:]
    assert hadoop.shell("-head", url) == text[:1024]
    hadoop.shell("-test", "-f", url)
    assert hadoop.shell("-stat", "%b %F", url).split() == [str(len(text)), "regular", "file"]


def test_checksums_are_stored(hadoop: Hadoop, server: Server, bucket: str, big: Path) -> None:
    client = server.client()
    small = write(big.parent / "small.bin", b"small")
    expected = digests(big.parent)
    for name in expected:
        hadoop.shell(*CHECKSUMS, *ALGORITHM, "-put", big.parent / name, f"s3a://{bucket}/{name}")
        head = client.head_object(Bucket=bucket, Key=name, ChecksumMode="ENABLED")
        assert head["ChecksumCRC32C"], name
    assert stored(client, bucket) == expected
    assert hadoop.shell(*CHECKSUMS, "-cat", f"s3a://{bucket}/{small.name}") == "small"


def test_objects_are_encrypted(hadoop: Hadoop, server: Server, bucket: str, tmp_path: Path) -> None:
    file = write(tmp_path / "file", b"content")
    encrypted = ("-D", "fs.s3a.encryption.algorithm=AES256")
    hadoop.shell(*encrypted, "-put", file, f"s3a://{bucket}/file")
    head = server.client().head_object(Bucket=bucket, Key="file")
    assert head["ServerSideEncryption"] == "AES256"
    assert hadoop.shell("-cat", f"s3a://{bucket}/file") == "content"


def test_trees_are_copied_by_a_job(
    hadoop: Hadoop, server: Server, bucket: str, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    expected = make_tree(tree, count=10, size=60_000)
    there, copy = f"s3a://{bucket}/there", f"s3a://{bucket}/copy"
    hadoop.distcp("-update", f"file://{tree}", there)
    assert files(server, bucket, "there/") == expected
    hadoop.distcp("-update", there, copy)
    assert files(server, bucket, "copy/") == expected
    write(tree / "many/0000.bin", b"changed")
    (tree / "empty").unlink()
    hadoop.distcp("-update", "-delete", f"file://{tree}", there)
    assert files(server, bucket, "there/") == digests(tree)
