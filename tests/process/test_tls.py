"""TLS on both ports, with a self-signed certificate from the files of the configuration."""

import http.client
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import SSLError

from tests.support.certificates import certificate
from tests.support.server import ACCESS_KEY, REGION, SECRET_KEY, Server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, trusted: tuple[Path, Path]
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    file = folder / "ocean.toml"
    file.write_text(f'[tls]\ncertificate = "{trusted[0]}"\nkey = "{trusted[1]}"\n')
    with Server(folder, {"OCEAN_CONFIG": str(file)}) as running:
        yield running


def client(server: Server, verify: Path) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=f"https://{server.host}",
        verify=str(verify),
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_boto3_verifies_and_stores(server: Server, trusted: tuple[Path, Path]) -> None:
    s3 = client(server, trusted[0])
    s3.create_bucket(Bucket="bucket")
    for size in (0, 1, 100_000, 9 << 20):
        data = bytes(size % 251 for _ in range(1)) * size
        s3.put_object(Bucket="bucket", Key=str(size), Body=data)
        assert s3.get_object(Bucket="bucket", Key=str(size))["Body"].read() == data
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "1"})
    assert url.startswith("https://")
    context = ssl.create_default_context(cafile=trusted[0])
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=10)
    connection.request("GET", url.partition(server.host)[2])
    assert connection.getresponse().status == 200
    connection.close()


def test_another_certificate_is_not_trusted(server: Server, tmp_path: Path) -> None:
    with pytest.raises(SSLError):
        client(server, certificate(tmp_path, "other")[0]).list_buckets()


def test_admin_works_with_the_same_settings(server: Server) -> None:
    assert server.run("admin", "user", "create", "alice").returncode == 0
    assert "alice" in server.run("admin", "user", "list").stdout


def test_admin_refuses_a_server_with_another_certificate(server: Server, tmp_path: Path) -> None:
    files = certificate(tmp_path, "other")
    done = server.run(
        "admin",
        "user",
        "list",
        OCEAN_TLS_CERTIFICATE=str(files[0]),
        OCEAN_TLS_KEY=str(files[1]),
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "certificate" in line


@pytest.mark.parametrize("port", ["port", "admin_port"])
def test_both_ports_speak_tls_only(server: Server, port: str) -> None:
    with socket.create_connection(("127.0.0.1", getattr(server, port)), timeout=10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"HTTP/" not in plain.recv(65536)


def test_old_versions_of_tls_are_refused(server: Server) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
        assert context.wrap_socket(plain).version() == "TLSv1.2"
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain,
        pytest.raises(OSError),
    ):
        context.wrap_socket(plain)


def test_the_banner_shows_https(server: Server) -> None:
    assert f"https://{server.host}" in server.said()


def test_idle_clients_do_not_hold_up_the_end(server: Server, trusted: tuple[Path, Path]) -> None:
    """Those that look only later find that it has ended, as TLS wants it said."""
    context = ssl.create_default_context(cafile=trusted[0])
    idle = [tls_to(context, port) for port in (server.port, server.admin_port)]
    for one in idle:
        one.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert one.recv(65536).startswith(b"HTTP/1.1 403 ")
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 10
    for one in idle:
        assert one.recv(65536) == b""
        one.close()
    server.start()


def tls_to(context: ssl.SSLContext, port: int) -> ssl.SSLSocket:
    """A connection on which an end that was not announced is an error."""
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    return context.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False)
