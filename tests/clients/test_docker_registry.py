"""The registry of Debian on Ocean, and skopeo: images pushed, pulled, resumed and collected."""

import gzip
import io
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPMessage
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

import pytest

from tests.support import processes
from tests.support.files import digest, digests, stored, write
from tests.support.programs import Program
from tests.support.server import ACCESS_KEY, REGION, SECRET_KEY, Server

pytestmark = pytest.mark.slow

OCI = "application/vnd.oci.image"
CHUNK = 5 << 20  # bytes of a part
CONFIGURATION = """version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
http: {{addr: "{host}", secret: "the same in all its lives"}}
storage:
  delete: {{enabled: true}}
  s3:
    regionendpoint: {endpoint}
    region: {region}
    accesskey: {access_key}
    secretkey: {secret_key}
    bucket: {bucket}
    secure: false
    v4auth: true
    forcepathstyle: true
    encrypt: true
    chunksize: {chunk}
    multipartcopychunksize: {chunk}
    multipartcopythresholdsize: {chunk}
"""


class Registry:
    """It keeps everything in one bucket, and answers at the same port in each of its lives."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.bucket = folder.name.replace("_", "-")
        [self._port] = processes.free_ports(1)
        self.host = f"127.0.0.1:{self._port}"
        text = CONFIGURATION.format(
            host=self.host,
            endpoint=server.endpoint,
            region=REGION,
            access_key=ACCESS_KEY,
            secret_key=SECRET_KEY,
            bucket=self.bucket,
            chunk=CHUNK,
        )
        self._file = write(folder / "registry.yml", text.encode())
        # It ends even with a process of tests that is killed.
        self._program = Program(["setpriv", "--pdeathsig=KILL", "docker-registry"], folder)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """One life, which kill -9 ends."""
        running = self._program.begin("serve", self._file)
        try:
            processes.wait_for_port(running.process, self._port)
            yield
        finally:
            running.give_up()
        assert "panic" not in running.output

    def collect_garbage(self) -> None:
        """It must not serve meanwhile."""
        self._program("garbage-collect", self._file)


@pytest.fixture
def registry(server: Server, tmp_path: Path) -> Registry:
    made = Registry(server, tmp_path)
    server.client().create_bucket(Bucket=made.bucket)
    return made


@pytest.fixture
def skopeo(tmp_path: Path) -> Program:
    """It tries only once, and is content with any signature."""
    return Program(["skopeo", "--insecure-policy"], tmp_path)


def add_blob(layout: Path, kind: str, content: bytes) -> dict[str, Any]:
    """Its descriptor."""
    name = digest(content)
    write(layout / "blobs/sha256" / name, content)
    return {"mediaType": f"{OCI}.{kind}", "digest": f"sha256:{name}", "size": len(content)}


def add_layer(layout: Path, content: bytes) -> tuple[dict[str, Any], str]:
    """The descriptor of a layer of one file, and the digest of it unpacked."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        member = tarfile.TarInfo("file")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    plain = packed.getvalue()
    compressed = gzip.compress(plain, compresslevel=1, mtime=0)
    return add_blob(layout, "layer.v1.tar+gzip", compressed), f"sha256:{digest(plain)}"


def make_image(layout: Path, *contents: bytes) -> Path:
    """An OCI layout with an image of a layer for each content."""
    layers = [add_layer(layout, content) for content in contents]
    unpacked = {"type": "layers", "diff_ids": [plain for _, plain in layers]}
    config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": unpacked}
    manifest = {
        "schemaVersion": 2,
        "config": add_blob(layout, "config.v1+json", json.dumps(config).encode()),
        "layers": [layer for layer, _ in layers],
    }
    described = add_blob(layout, "manifest.v1+json", json.dumps(manifest).encode())
    index = {"schemaVersion": 2, "manifests": [described]}
    write(layout / "index.json", json.dumps(index).encode())
    write(layout / "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
    return layout


def blobs(layout: Path) -> set[str]:
    """The digests of all blobs of an image, which are their names, too."""
    found = digests(layout / "blobs/sha256")
    assert list(found) == list(found.values())
    return set(found)


def held(client: Any, bucket: str) -> set[str]:
    """The digests of all blobs in the bucket, which are in their keys, too."""
    found = stored(client, bucket, "docker/registry/v2/blobs/sha256/")
    for key, content in found.items():
        assert key == f"{content[:2]}/{content}/data"
    return set(found.values())


def test_images(server: Server, registry: Registry, skopeo: Program, tmp_path: Path) -> None:
    base = os.urandom(12 << 20)
    first = make_image(tmp_path / "first", base, os.urandom(1 << 20))
    second = make_image(tmp_path / "second", base, os.urandom(1 << 20))
    assert len(blobs(first) & blobs(second)) == 1
    app = f"docker://{registry.host}/team/app"

    def pulled(tag: str) -> set[str]:
        back = tmp_path / f"back-{len(list(tmp_path.iterdir()))}"
        skopeo("copy", "--src-tls-verify=false", f"{app}:{tag}", f"oci:{back}")
        return blobs(back)

    client = server.client()
    with registry.serving():
        for tag, image in {"1": first, "2": second, "latest": second}.items():
            skopeo("copy", "--dest-tls-verify=false", f"oci:{image}", f"{app}:{tag}")
        tags = json.loads(skopeo("list-tags", "--tls-verify=false", app))["Tags"]
        assert sorted(tags) == ["1", "2", "latest"]
        assert held(client, registry.bucket) == blobs(first) | blobs(second)
        check_large(client, registry.bucket)
        assert (pulled("1"), pulled("2")) == (blobs(first), blobs(second))
        skopeo("delete", "--tls-verify=false", f"{app}:1")
    assert held(client, registry.bucket) == blobs(first) | blobs(second)
    registry.collect_garbage()
    assert held(client, registry.bucket) == blobs(second)
    with registry.serving():
        assert pulled("latest") == blobs(second)
        gone = ("copy", "--src-tls-verify=false", f"{app}:1", f"oci:{tmp_path / 'gone'}")
        assert "manifest unknown" in skopeo.refused(*gone)


def check_large(client: Any, bucket: str) -> None:
    """All is encrypted, and the one large layer was put together of parts."""
    found = client.list_objects_v2(Bucket=bucket)["Contents"]
    heads = [client.head_object(Bucket=bucket, Key=each["Key"]) for each in found]
    assert {head["ServerSideEncryption"] for head in heads} == {"AES256"}
    (large,) = [head for head in heads if head["ContentLength"] > CHUNK]
    assert large["ETag"].endswith('-3"')
    assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)


def test_an_upload_goes_on_in_other_lives(server: Server, registry: Registry) -> None:
    """Behind a last part too small for one in between, what is there is read again, or copied."""
    content = os.urandom(12 << 20)
    url = f"http://{registry.host}/v2/app/blobs"
    with registry.serving():
        at = asked("POST", f"{url}/uploads/", 202).headers["Location"]
    begin = 0
    for end in (3 << 20, 4 << 20, 11 << 20, (11 << 20) + 12_345, 12 << 20):
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Range": f"{begin}-{end - 1}",
        }
        with registry.serving():
            at = asked("PATCH", at, 202, content[begin:end], headers).headers["Location"]
            assert asked("GET", at, 204).headers["Range"] == f"0-{end - 1}"
        begin = end
    with registry.serving():
        named = f"sha256:{digest(content)}"
        asked("PUT", f"{at}&digest={named}", 201)
        got = asked("GET", f"{url}/{named}", 200)
        assert got.url.startswith(f"{server.endpoint}/{registry.bucket}/"), "with a presigned URL"
        assert got.body == content
    client = server.client()
    assert held(client, registry.bucket) == {digest(content)}
    check_large(client, registry.bucket)


class Answer(NamedTuple):
    """Its `url` is where redirects led to."""

    url: str
    headers: HTTPMessage
    body: bytes


def asked(
    method: str, url: str, status: int, body: bytes = b"", headers: dict[str, str] | None = None
) -> Answer:
    """The answer to a request, which has this status in the end."""
    request = Request(url, body or None, headers or {}, method=method)
    with urlopen(request, timeout=30) as answer:
        assert answer.status == status
        return Answer(answer.url, answer.headers, answer.read())
