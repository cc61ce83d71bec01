"""Every client over TLS, where the SDKs send other bodies: unsigned, with checksums in trailers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.secure import over_tls
from tests.support.files import digests, make_tree, stored, write
from tests.support.programs import Program
from tests.support.server import ACCESS_KEY, REGION, SECRET_KEY, Server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with over_tls(tmp_path_factory.mktemp("tls")) as running:
        yield running


@pytest.fixture
def variables(server: Server) -> dict[str, str]:
    """What the clients of AWS, restic and rclone read."""
    return {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def test_boto3(server: Server, big: Path, tmp_path: Path) -> None:
    client = server.client()
    client.create_bucket(Bucket="boto")
    client.upload_file(str(big), "boto", "big")
    write(tmp_path / "empty", b"")
    client.upload_file(str(tmp_path / "empty"), "boto", "empty")
    with big.open("rb") as file:
        put = client.put_object(Bucket="boto", Key="whole", Body=file)
    content = digests(big.parent)["big.bin"]
    assert put["ChecksumCRC32"]
    assert stored(client, "boto") == {
        "big": content,
        "whole": content,
        "empty": digests(tmp_path)["empty"],
    }


@pytest.mark.parametrize("algorithm", ["CRC32C", "CRC64NVME", "SHA256"])
def test_trailing_checksums(server: Server, big: Path, algorithm: str) -> None:
    client = server.client()
    bucket = f"trailing-{algorithm.lower()}"
    client.create_bucket(Bucket=bucket)
    sent: list[bytes] = []
    client.meta.events.register(
        "before-send.s3.PutObject",
        lambda request, **_: sent.append(request.headers["x-amz-content-sha256"]),
    )
    with big.open("rb") as file:
        put = client.put_object(Bucket=bucket, Key="k", Body=file, ChecksumAlgorithm=algorithm)
    assert sent == [b"STREAMING-UNSIGNED-PAYLOAD-TRAILER"]
    got = client.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == big.read_bytes()
    assert got[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]


def test_aws(server: Server, big: Path, tmp_path: Path, variables: dict[str, str]) -> None:
    aws = Program(["aws", "--ca-bundle", str(server.certificate)], tmp_path, variables)
    expected = make_tree(tmp_path / "tree", count=10, size=20_000)
    aws("s3", "mb", "s3://aws")
    aws("s3", "sync", "--no-progress", tmp_path / "tree", "s3://aws/t/")
    assert stored(server.client(), "aws", "t/") == expected
    aws("s3", "cp", "--no-progress", big, "s3://aws/big")
    aws("s3", "cp", "--no-progress", "s3://aws/big", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == big.read_bytes()


def test_s3cmd(server: Server, big: Path, tmp_path: Path) -> None:
    keys = (f"--access_key={ACCESS_KEY}", f"--secret_key={SECRET_KEY}", f"--region={REGION}")
    where = (f"--host={server.host}", f"--host-bucket={server.host}")
    trust = ("--ssl", f"--ca-certs={server.certificate}")
    s3cmd = Program(["s3cmd", *keys, *where, *trust], tmp_path)
    s3cmd("mb", "s3://cmd")
    s3cmd("put", "--multipart-chunk-size-mb=5", big, "s3://cmd/big")
    s3cmd("get", "s3://cmd/big", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == big.read_bytes()


def test_rclone(server: Server, big: Path, tmp_path: Path, variables: dict[str, str]) -> None:
    remote = f":s3,provider=Other,env_auth,endpoint='{server.endpoint}':rclone"
    trust = ("--ca-cert", str(server.certificate))
    rclone = Program(["rclone", "--config", "", *trust], tmp_path, variables)
    rclone("mkdir", remote)
    rclone("copy", "--s3-upload-cutoff", "5M", "--s3-chunk-size", "5M", big.parent, remote)
    rclone("check", "--download", big.parent, remote)
    assert stored(server.client(), "rclone") == digests(big.parent)


def test_restic(server: Server, big: Path, tmp_path: Path, variables: dict[str, str]) -> None:
    more = {"RESTIC_PASSWORD": "secret", "RESTIC_REPOSITORY": f"s3:{server.endpoint}/restic"}
    trust = ("--cacert", str(server.certificate))
    restic = Program(["restic", *trust], tmp_path, {**variables, **more})
    restic("init")
    restic("backup", big)
    assert "no errors were found" in restic("check", "--read-data")
    restic("restore", "latest", "--target", tmp_path / "back")
    (back,) = (tmp_path / "back").rglob("big.bin")
    assert back.read_bytes() == big.read_bytes()
