"""PutBucketCors, GetBucketCors, DeleteBucketCors, and what browsers hear of them.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
"""

from typing import Any

import pytest

from tests.s3.expect import refused, status
from tests.s3.store import Answer, Client, Store

RULES: list[dict[str, Any]] = [
    {
        "ID": "app",
        "AllowedOrigins": ["https://app.example", "https://*.example"],
        "AllowedMethods": ["GET", "PUT"],
        "AllowedHeaders": ["x-amz-*", "content-type"],
        "ExposeHeaders": ["ETag", "x-amz-version-id"],
        "MaxAgeSeconds": 600,
    },
    {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD"]},
]


@pytest.fixture
def ruled(s3: Client, bucket: str) -> str:
    """A bucket with the rules, and an object `key`."""
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES})
    s3.put_object(Bucket=bucket, Key="key", Body=b"abc")
    return bucket


def ask(store: Store, path: str, origin: str, method: str, headers: str = "") -> Answer:
    """A preflight request."""
    sent = {"Origin": origin, "Access-Control-Request-Method": method}
    if headers:
        sent["Access-Control-Request-Headers"] = headers
    return store.plain("OPTIONS", path, headers=sent)


def test_life(s3: Client, bucket: str) -> None:
    with refused("NoSuchCORSConfiguration", 404):
        s3.get_bucket_cors(Bucket=bucket)
    for rules in (RULES, RULES[1:]):
        answer = s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
        assert status(answer) == 200
        assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == rules
    assert status(s3.delete_bucket_cors(Bucket=bucket)) == 204
    with refused("NoSuchCORSConfiguration", 404):
        s3.get_bucket_cors(Bucket=bucket)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"AllowedOrigins": ["*"]}, "MalformedXML"),
        ({"AllowedMethods": ["GET"]}, "MalformedXML"),
        ({"AllowedOrigins": ["*"], "AllowedMethods": ["PATCH"]}, "InvalidRequest"),
        ({"AllowedOrigins": ["a*b*"], "AllowedMethods": ["GET"]}, "InvalidRequest"),
        (
            {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"], "AllowedHeaders": ["*a*"]},
            "InvalidRequest",
        ),
        (
            {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"], "ExposeHeaders": ["x-*"]},
            "InvalidRequest",
        ),
    ],
)
def test_bad_rules(s3: Client, bucket: str, rule: dict[str, Any], code: str) -> None:
    with refused(code, 400):
        s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    with refused("NoSuchCORSConfiguration", 404):
        s3.get_bucket_cors(Bucket=bucket)


def test_a_hundred_rules(s3: Client, bucket: str) -> None:
    many = [
        {"AllowedOrigins": [f"https://{n}.example"], "AllowedMethods": ["GET"]} for n in range(101)
    ]
    with refused("MalformedXML", 400):
        s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": many})
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": many[:100]})
    assert len(s3.get_bucket_cors(Bucket=bucket)["CORSRules"]) == 100


def test_preflight(store: Store, ruled: str) -> None:
    answer = ask(store, f"/{ruled}/key", "https://a.example", "PUT", "X-Amz-Date, Content-Type")
    assert (answer.status, answer.body) == (200, b"")
    told = answer.headers
    assert told["access-control-allow-origin"] == "https://a.example"
    assert told["access-control-allow-methods"] == "GET, PUT"
    assert told["access-control-allow-headers"] == "x-amz-date, content-type"
    assert told["access-control-expose-headers"] == "ETag, x-amz-version-id"
    assert told["access-control-max-age"] == "600"
    assert told["access-control-allow-credentials"] == "true"
    assert "Origin" in told["vary"]
    any_origin = ask(store, f"/{ruled}/key", "http://other", "HEAD").headers
    assert any_origin["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in any_origin


@pytest.mark.parametrize(
    ("origin", "method", "headers"),
    [
        ("http://app.example", "GET", ""),
        ("https://app.example", "DELETE", ""),
        ("https://app.example", "PUT", "authorization"),
        ("https://app.example.evil", "GET", ""),
        ("http://other", "GET", ""),
    ],
)
def test_preflight_of_what_no_rule_allows(
    store: Store, ruled: str, origin: str, method: str, headers: str
) -> None:
    answer = ask(store, f"/{ruled}/key", origin, method, headers)
    assert (answer.status, answer.error()) == (403, "AccessForbidden")
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_bad_preflights(store: Store, ruled: str, name: str) -> None:
    path = f"/{ruled}/key"
    for sent in (
        {},
        {"Origin": "https://app.example"},
        {"Origin": "https://app.example", "Access-Control-Request-Method": "PATCH"},
    ):
        answer = store.plain("OPTIONS", path, headers=sent)
        assert (answer.status, answer.error()) == (400, "BadRequest")
    answer = ask(store, f"/{name[:-3]}non/key", "https://app.example", "GET")
    assert answer.status == 403


def test_actual_requests(store: Store, ruled: str) -> None:
    """Answers to a browser say what it may read, errors too; others are as ever."""
    path = f"/{ruled}/key"
    told = store.send("GET", path, headers={"Origin": "https://app.example"})
    assert told.body == b"abc"
    assert told.headers["access-control-allow-origin"] == "https://app.example"
    assert told.headers["access-control-expose-headers"] == "ETag, x-amz-version-id"
    missing = store.send("GET", f"{path}-none", headers={"Origin": "https://app.example"})
    assert missing.status == 404
    assert missing.headers["access-control-allow-origin"] == "https://app.example"
    denied = store.plain("GET", path, headers={"Origin": "https://app.example"})
    assert denied.status == 403
    assert denied.headers["access-control-allow-origin"] == "https://app.example"
    for headers in ({"Origin": "http://other"}, {}):
        answer = store.send("GET", path, headers=headers)
        assert answer.body == b"abc"
        assert "access-control-allow-origin" not in answer.headers
