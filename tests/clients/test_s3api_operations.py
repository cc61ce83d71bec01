"""`aws s3api`: every operation that is built is called here, and those that are not say so."""

import re
from pathlib import Path

import pytest

from gateway.ops import s3 as operations
from tests.clients.s3api import S3Api, command_of
from tests.support.files import write

BUILT = {name for name, one in operations.by_name.items() if one.handler is not None}
# A form that browsers send; what they ask before (OPTIONS) is no operation of S3.
WITHOUT_COMMAND = {"PostObject"}

# The arguments of commands whose operation is not built, beside the bucket.
PLANNED = {
    "CreateSession": [],
    "GetBucketLogging": [],
    "GetBucketNotificationConfiguration": [],
    "GetBucketReplication": [],
    "GetBucketWebsite": [],
    "ListBucketInventoryConfigurations": [],
    "DeleteBucketWebsite": [],
    "PutBucketAccelerateConfiguration": ["--accelerate-configuration", "Status=Enabled"],
    "PutBucketNotificationConfiguration": ["--notification-configuration", "{}"],
    "PutBucketRequestPayment": ["--request-payment-configuration", "Payer=Requester"],
    "PutBucketWebsite": ["--website-configuration", "IndexDocument={Suffix=index.html}"],
    "RenameObject": ["--key", "new", "--rename-source", "key"],
    "RestoreObject": ["--key", "key", "--restore-request", "Days=1"],
}


def test_every_built_operation_is_called() -> None:
    """As a command that must succeed, which `s3api(...)` asserts."""
    texts = [path.read_text() for path in Path(__file__).parent.glob("test_s3api_*.py")]
    called = set(re.findall(r'\bs3api\(\s*"([a-z0-9-]+)"', "".join(texts)))
    assert {command_of(name) for name in BUILT - WITHOUT_COMMAND} - called == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(WITHOUT_COMMAND))
def test_operations_without_a_command(s3api: S3Api, name: str) -> None:
    assert "Invalid choice" in s3api.rejected(command_of(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PLANNED))
def test_planned_operations(s3api: S3Api, bucket: str, name: str) -> None:
    assert name in operations.by_name.keys() - BUILT
    told = s3api.refused("NotImplemented", command_of(name), "--bucket", bucket, *PLANNED[name])
    assert name in told


@pytest.mark.slow
def test_selecting_is_planned(s3api: S3Api, bucket: str, tmp_path: Path) -> None:
    """It answers into a file."""
    how = ("--expression", "SELECT * FROM s3object", "--expression-type", "SQL")
    formats = ("--input-serialization", "CSV={}", "--output-serialization", "CSV={}")
    at = ("--bucket", bucket, "--key", "key")
    file = write(tmp_path / "selected", b"")
    s3api.refused("NotImplemented", "select-object-content", *at, *how, *formats, file)
    assert file.read_bytes() == b""
