"""The same script asked of moto and of Ocean: equal answers, but where moto is not as S3 is."""

import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

from tests.oracle import steps
from tests.oracle.script import Step, answers
from tests.s3.store import Client
from tests.support.server import REGION, Server

pytestmark = pytest.mark.slow

API = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_"
GUIDE = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/"


class Known(NamedTuple):
    """Fields of an answer in which moto is not as S3, and what says how S3 is."""

    fields: str
    source: str


# By script and step.
KNOWN = {
    "plain": {
        "put bad md5": Known("ChecksumCRC32 ETag code status", f"{API}PutObject.html"),
        "list_objects {'MaxKeys': 2}": Known("NextMarker", f"{API}ListObjects.html"),
        "list_objects after": Known("Marker", f"{API}ListObjects.html"),
        "part of no upload": Known("code status", f"{API}UploadPart.html"),
        "complete wrong order": Known("code", f"{API}CompleteMultipartUpload.html"),
        "complete": Known(
            "ChecksumCRC64NVME VersionId", f"{GUIDE}checking-object-integrity-upload.html"
        ),
        "get part 2": Known(
            "Body ChecksumCRC64NVME ContentLength ContentRange PartsCount status",
            f"{API}GetObject.html",
        ),
    },
    "versions": {
        "get null": Known("VersionId", f"{GUIDE}versioning-workflows.html"),
        "get marker": Known("code status", f"{GUIDE}DeleteMarker.html"),
        "undelete": Known("DeleteMarker", f"{API}DeleteObject.html"),
        "tag version": Known("VersionId", f"{API}PutObjectTagging.html"),
        "get suspended": Known("VersionId", f"{GUIDE}versioning-workflows.html"),
        "get null after": Known("VersionId", f"{GUIDE}versioning-workflows.html"),
        "delete suspended": Known(
            "DeleteMarker VersionId", f"{GUIDE}DeletingObjectsfromVersioningSuspendedBuckets.html"
        ),
        "list suspended": Known(
            "DeleteMarkers Versions", f"{GUIDE}DeletingObjectsfromVersioningSuspendedBuckets.html"
        ),
        "delete many": Known("Deleted", f"{API}DeletedObject.html"),
        "delete nothing": Known(
            "DeleteMarker VersionId", f"{GUIDE}DeletingObjectsfromVersioningSuspendedBuckets.html"
        ),
    },
}


@pytest.fixture(scope="module")
def ocean(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a server of ours."""
    with Server(tmp_path_factory.mktemp("ocean")) as server:
        yield server.client(s3={"addressing_style": "path"})


@pytest.fixture(scope="module")
def moto() -> Iterator[Client]:
    """A client of moto."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield boto3.client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        region_name=REGION,
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )
    server.stop()


@pytest.mark.parametrize("part", ["plain", "versions"])
def test_same_answers(ocean: Client, moto: Client, part: str) -> None:
    script: list[Step] = getattr(steps, part)()
    bucket = f"test-{uuid.uuid4().hex}"
    script = [one._replace(given=_in(bucket, one.given)) for one in script]
    theirs, ours = (dict(answers(client, bucket, script)) for client in (moto, ocean))
    differing = {name: _differing(ours[name], theirs[name]) for name in ours}
    known = {name: set(one.fields.split()) for name, one in KNOWN[part].items()}
    unexpected = {
        f"{name}: {field}": (ours[name].get(field), theirs[name].get(field))
        for name, fields in differing.items()
        for field in fields - known.get(name, set())
    }
    assert not unexpected
    assert {name: fields for name, fields in differing.items() if fields} == known


def _differing(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    return {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}


def _in(bucket: str, value: Any) -> Any:
    """The bucket's name for BUCKET."""
    match value:
        case str():
            return value.replace("BUCKET", bucket)
        case dict():
            return {key: _in(bucket, one) for key, one in value.items()}
        case _:
            return value
