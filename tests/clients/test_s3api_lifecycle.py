"""`aws s3api`: lifecycle rules, and what answers say by them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients.s3api import S3Api
from tests.support.files import write

pytestmark = pytest.mark.slow

RULES = [
    {
        "ID": "logs",
        "Status": "Enabled",
        "Filter": {"And": {"Prefix": "logs/", "Tags": [{"Key": "k", "Value": "ü"}]}},
        "Expiration": {"Days": 30},
    },
    {
        "ID": "temporary",
        "Status": "Enabled",
        "Filter": {"Prefix": "tmp/"},
        "Expiration": {"Days": 1},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 2},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    },
]


def test_rules(s3api: S3Api, client: Any, bucket: str, tmp_path: Path) -> None:
    named = ("--bucket", bucket)
    none = "NoSuchLifecycleConfiguration"
    s3api.refused(none, "get-bucket-lifecycle-configuration", *named)
    file = write(tmp_path / "rules.json", json.dumps({"Rules": RULES}).encode())
    chosen = ("--lifecycle-configuration", f"file://{file}")
    s3api("put-bucket-lifecycle-configuration", *named, *chosen)
    assert s3api("get-bucket-lifecycle-configuration", *named)["Rules"] == RULES
    assert client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == RULES
    at = (*named, "--key", "tmp/key")
    put = s3api("put-object", *at, "--body", write(tmp_path / "small", b"small"))
    assert 'rule-id="temporary"' in put["Expiration"]
    assert s3api("head-object", *at)["Expiration"] == put["Expiration"]
    assert s3api("create-multipart-upload", *at)["AbortRuleId"] == "temporary"
    assert s3api("delete-bucket-lifecycle", *named) is None
    s3api.refused(none, "get-bucket-lifecycle-configuration", *named)
    assert "Expiration" not in s3api("head-object", *at)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("Status=On,Filter={},Expiration={Days=1}", "MalformedXML"),
        ("Status=Enabled,Filter={},Expiration={Days=0}", "InvalidArgument"),
        ("Status=Enabled,Filter={}", "InvalidRequest"),
        (
            "Status=Enabled,Filter={},Transitions=[{Days=1,StorageClass=GLACIER}]",
            "NotImplemented",
        ),
    ],
)
def test_rules_that_are_refused(s3api: S3Api, bucket: str, rule: str, code: str) -> None:
    chosen = ("--lifecycle-configuration", f"Rules=[{{{rule}}}]")
    s3api.refused(code, "put-bucket-lifecycle-configuration", "--bucket", bucket, *chosen)
    none = "NoSuchLifecycleConfiguration"
    s3api.refused(none, "get-bucket-lifecycle-configuration", "--bucket", bucket)
