"""PutBucketLifecycleConfiguration, GetBucketLifecycleConfiguration, DeleteBucketLifecycle, what
answers say by their rules, and what these do.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lifecycle-mgmt.html
"""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from urllib.request import urlopen

import pytest

from tests.s3.conftest import remove
from tests.s3.expect import PART, data, headers, keys, read, refused, send_part, status, upload
from tests.s3.store import Client, Store
from tests.support.server import Server
from tests.support.waiting import eventually

DAY = 1  # seconds of a day on the server of its own
Rule = dict[str, Any]


def expiring(days: int = 1, **filters: Any) -> Rule:
    return {
        "ID": "expiring",
        "Status": "Enabled",
        "Filter": filters or {"Prefix": ""},
        "Expiration": {"Days": days},
    }


def put(s3: Client, bucket: str, *rules: Rule) -> Any:
    return s3.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": list(rules)}
    )


# -- configurations -------------------------------------------------------------------------

MIDNIGHT = datetime(2030, 1, 1, tzinfo=UTC)
RULES: list[Rule] = [
    {"ID": "old style", "Status": "Enabled", "Prefix": "logs/", "Expiration": {"Days": 30}},
    {"ID": "disabled", "Status": "Disabled", "Prefix": "", "Expiration": {"Date": MIDNIGHT}},
]
FILTERED: list[Rule] = [
    {"ID": "all", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}},
    {"ID": "é <&> 'x'", "Status": "Enabled", "Filter": {"Prefix": "a/"}, "Expiration": {"Days": 9}},
    {
        "ID": "several",
        "Status": "Enabled",
        "Filter": {
            "And": {
                "Prefix": "a/",
                "Tags": [{"Key": "k", "Value": "v"}, {"Key": "l", "Value": ""}],
                "ObjectSizeGreaterThan": 0,
                "ObjectSizeLessThan": 1 << 30,
            }
        },
        "Expiration": {"Days": 2},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 4},
    },
    {
        "ID": "one tag",
        "Status": "Enabled",
        "Filter": {"Tag": {"Key": "k", "Value": "v"}},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 3},
    },
    {
        "ID": "markers and uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": "b/"},
        "Expiration": {"ExpiredObjectDeleteMarker": True},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    },
]


def test_life(s3: Client, bucket: str) -> None:
    with refused("NoSuchLifecycleConfiguration", 404):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert status(s3.delete_bucket_lifecycle(Bucket=bucket)) == 204
    for rules in (RULES, FILTERED, RULES[:1]):
        assert status(put(s3, bucket, *rules)) == 200
        assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == rules
    assert status(s3.delete_bucket_lifecycle(Bucket=bucket)) == 204
    with refused("NoSuchLifecycleConfiguration", 404):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)


def test_a_rule_without_an_id_gets_one(s3: Client, bucket: str) -> None:
    rules = [{**expiring(days), "Filter": {"Prefix": f"{days}/"}} for days in (1, 2)]
    put(s3, bucket, *({k: v for k, v in one.items() if k != "ID"} for one in rules))
    found = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    names = [one.pop("ID") for one in found]
    assert len(set(names)) == 2
    assert all(names)
    assert found == [{k: v for k, v in one.items() if k != "ID"} for one in rules]


def test_the_least_size_of_what_moves(s3: Client, bucket: str) -> None:
    """Nothing moves between storage classes: the default is all that there is."""
    given: dict[str, Any] = {"Bucket": bucket, "LifecycleConfiguration": {"Rules": RULES}}
    name, default = "TransitionDefaultMinimumObjectSize", "all_storage_classes_128K"
    answer = s3.put_bucket_lifecycle_configuration(**given, **{name: default})
    assert answer[name] == default
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)[name] == default
    with refused("NotImplemented", 501):
        s3.put_bucket_lifecycle_configuration(**given, **{name: "varies_by_storage_class"})


DAYS = {"Expiration": {"Days": 1}}


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ([{"ID": "a" * 256, "Prefix": "", **DAYS}], "InvalidArgument"),
        (
            [{"ID": "a", "Prefix": "a", **DAYS}, {"ID": "a", "Prefix": "", **DAYS}],
            "InvalidArgument",
        ),
        ([{"Prefix": "", "Expiration": {"Days": 0}}], "InvalidArgument"),
        ([{"Prefix": "", "Expiration": {"Days": -1}}], "InvalidArgument"),
        ([{"Prefix": "", "Expiration": {"Date": "2030-01-01T12:00:00Z"}}], "InvalidArgument"),
        ([{"Prefix": "", "Expiration": {"Days": 1, "Date": "2030-01-01"}}], "MalformedXML"),
        ([{"Prefix": ""}], "InvalidRequest"),
        ([DAYS], "MalformedXML"),
        ([{"Prefix": "", "Filter": {"Prefix": ""}, **DAYS}], "MalformedXML"),
        ([{"Prefix": "", "Status": "enabled", **DAYS}], "MalformedXML"),
        ([{"Prefix": "", "Status": "invalid", **DAYS}], "MalformedXML"),
        ([], "MalformedXML"),
        ([{"Filter": {"Prefix": "a", "Tag": {"Key": "k", "Value": "v"}}, **DAYS}], "MalformedXML"),
        (
            [
                {
                    "Filter": {"Tag": {"Key": "k", "Value": "v"}},
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
                }
            ],
            "InvalidRequest",
        ),
        (
            [{"Prefix": "", "Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]}],
            "NotImplemented",
        ),
    ],
)
def test_bad_rules(s3: Client, bucket: str, rules: list[Rule], code: str) -> None:
    with refused(code):
        put(s3, bucket, *({"Status": "Enabled", **one} for one in rules))
    with refused("NoSuchLifecycleConfiguration", 404):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)


def test_a_thousand_rules(s3: Client, bucket: str) -> None:
    many = [{**RULES[0], "ID": str(n), "Prefix": f"{n}/"} for n in range(1001)]
    with refused("MalformedXML", 400):
        put(s3, bucket, *many)
    put(s3, bucket, *many[:1000])
    assert len(s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]) == 1000
    s3.put_object(Bucket=bucket, Key="999/x", Body=b"")
    assert 'rule-id="999"' in s3.head_object(Bucket=bucket, Key="999/x")["Expiration"]


@pytest.mark.parametrize("date", ["2030-13-01", "soon", "", "9" * 400])
def test_dates_that_are_none(store: Store, bucket: str, date: str) -> None:
    body = (
        "<LifecycleConfiguration><Rule><Status>Enabled</Status><Prefix/><Expiration>"
        f"<Date>{date}</Date></Expiration></Rule></LifecycleConfiguration>"
    )
    answer = store.send("PUT", f"/{bucket}", query={"lifecycle": ""}, body=body.encode())
    assert (answer.status, answer.error()) == (400, "MalformedXML")


def test_others_may_neither_see_nor_change_rules(s3: Client, other: Client, bucket: str) -> None:
    put(s3, bucket, *RULES)
    for act in (other.get_bucket_lifecycle_configuration, other.delete_bucket_lifecycle):
        with refused("AccessDenied", 403):
            act(Bucket=bucket)
    with refused("AccessDenied", 403):
        put(other, bucket, *FILTERED)
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == RULES


# -- what answers say -----------------------------------------------------------------------


def midnight_after(days: int) -> datetime:
    """The one that follows so many days from now."""
    now = datetime.now(UTC)
    return (now + timedelta(days=days + 1)).replace(hour=0, minute=0, second=0, microsecond=0)


def said(answer: Any) -> tuple[datetime, str]:
    """When and by which rule an answer says that the object expires."""
    date, name = headers(answer)["x-amz-expiration"].split('", rule-id="')
    return parsedate_to_datetime(date.removeprefix('expiry-date="')), name.removesuffix('"')


def test_every_answer_about_an_object_says_when_it_expires(s3: Client, bucket: str) -> None:
    put(s3, bucket, {**expiring(3, Prefix="a"), "ID": 'a "rule"\nof mine é'})
    named = {"Bucket": bucket, "Key": "a"}
    expected = midnight_after(3)
    answers = [
        s3.put_object(**named, Body=b"x"),
        s3.get_object(**named),
        s3.head_object(**named),
        s3.copy_object(**named, CopySource=named, MetadataDirective="REPLACE"),
        upload(s3, bucket, "a", b"part"),
    ]
    for answer in answers:
        assert said(answer) == (expected, "a %22rule%22%0Aof mine %C3%A9")
    unsaid = [
        s3.put_object(Bucket=bucket, Key="b", Body=b"x"),
        s3.head_object(Bucket=bucket, Key="b"),
    ]
    s3.delete_bucket_lifecycle(Bucket=bucket)
    unsaid.append(s3.head_object(**named))
    assert not [answer for answer in unsaid if "x-amz-expiration" in headers(answer)]


def test_forms_are_told_as_well(s3: Client, store: Store, bucket: str) -> None:
    put(s3, bucket, expiring(1))
    form = s3.generate_presigned_post(bucket, "key")
    lines = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in form["fields"].items()
    ]
    file = '--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nabc\r\n--x--'
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = store.plain("POST", f"/{bucket}", headers=kind, body=("".join(lines) + file).encode())
    assert answer.status == 204
    expected = format_datetime(midnight_after(1), usegmt=True)
    assert answer.headers["x-amz-expiration"] == f'expiry-date="{expected}", rule-id="expiring"'


def test_tags_and_sizes_decide_what_is_said(s3: Client, bucket: str) -> None:
    tag = {"Key": "k", "Value": "v"}
    put(
        s3,
        bucket,
        {**expiring(5, Tag=tag), "ID": "tag"},
        {**expiring(2, ObjectSizeGreaterThan=10), "ID": "size"},
    )
    named = {"Bucket": bucket, "Key": "a"}
    assert said(s3.put_object(**named, Body=b"x", Tagging="k=v"))[1] == "tag"
    s3.put_object_tagging(**named, Tagging={"TagSet": [{"Key": "k", "Value": "w"}]})
    assert "x-amz-expiration" not in headers(s3.head_object(**named))
    assert said(s3.put_object(**named, Body=data(11), Tagging="k=v"))[1] == "size"


def test_of_noncurrent_versions_nothing_is_said(s3: Client, versioned: str) -> None:
    put(s3, versioned, expiring())
    named = {"Bucket": versioned, "Key": "a"}
    old = s3.put_object(**named, Body=b"x")["VersionId"]
    s3.put_object(**named, Body=b"y")
    assert "x-amz-expiration" in headers(s3.head_object(**named))
    assert "x-amz-expiration" not in headers(s3.head_object(**named, VersionId=old))


def test_uploads_are_told_when_they_will_be_aborted(s3: Client, bucket: str) -> None:
    aborting = {
        "ID": "aborting é",
        "Status": "Enabled",
        "Filter": {"Prefix": "a"},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
    }
    put(s3, bucket, aborting)
    begun = s3.create_multipart_upload(Bucket=bucket, Key="a")
    parts = s3.list_parts(Bucket=bucket, Key="a", UploadId=begun["UploadId"])
    for answer in (begun, parts):
        told = headers(answer)
        assert parsedate_to_datetime(told["x-amz-abort-date"]) == midnight_after(2)
        assert told["x-amz-abort-rule-id"] == "aborting %C3%A9"
    assert "x-amz-abort-date" not in headers(s3.create_multipart_upload(Bucket=bucket, Key="b"))


# -- what rules do, on a server whose day is a second ---------------------------------------


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {
        "OCEAN_LIFECYCLE_DAY_SECONDS": str(DAY),
        "OCEAN_WORKERS": "2",
        "OCEAN_METRICS_PUBLIC": "true",
    }
    with Server(tmp_path_factory.mktemp("hasty"), settings) as server:
        yield server


@pytest.fixture(scope="module")
def aging(hasty: Server) -> Client:
    return hasty.client()


@pytest.fixture
def there(aging: Client, name: str) -> Iterator[str]:
    """A bucket on that server."""
    aging.create_bucket(Bucket=name)
    yield name
    aging.delete_bucket_lifecycle(Bucket=name)
    remove(aging, name)


def versioning(s3: Client, bucket: str, wanted: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": wanted})


def stack(s3: Client, bucket: str, key: str) -> list[str]:
    """The versions of a key, newest first: whether marker or object, and whether null."""
    page = s3.list_object_versions(Bucket=bucket, Prefix=key)
    found = [(one, "object") for one in page.get("Versions", [])]
    found += [(one, "marker") for one in page.get("DeleteMarkers", [])]
    found = [one for one in found if one[0]["Key"] == key]
    found.sort(key=lambda one: (not one[0]["IsLatest"], -one[0]["LastModified"].timestamp()))
    return [f"null {what}" if one["VersionId"] == "null" else what for one, what in found]


@pytest.mark.parametrize(
    ("mode", "left"), [("", []), ("Enabled", ["marker", "object"]), ("Suspended", [])]
)
def test_objects_expire(aging: Client, there: str, mode: str, left: list[str]) -> None:
    """Where versioning is suspended the null marker is alone, and goes a day later."""
    if mode:
        versioning(aging, there, mode)
    for key in ("a/1", "a/2", "b"):
        aging.put_object(Bucket=there, Key=key, Body=b"x")
    put(aging, there, expiring(Prefix="a/"))
    eventually(lambda: keys(aging.list_objects_v2(Bucket=there)) == ["b"])
    eventually(lambda: stack(aging, there, "a/1") == left)
    time.sleep(2 * DAY)  # further passes find nothing to do
    assert stack(aging, there, "a/1") == left
    assert read(aging, there, "b") == b"x"


def test_a_date_that_has_passed(aging: Client, there: str) -> None:
    dated = {"ID": "d", "Status": "Enabled", "Prefix": "", "Expiration": {"Date": "2015-01-01"}}
    aging.put_object(Bucket=there, Key="a", Body=b"x")
    put(aging, there, dated)
    eventually(lambda: keys(aging.list_objects_v2(Bucket=there)) == [])


@pytest.mark.parametrize(
    "chosen",
    [
        {"Tag": {"Key": "k", "Value": "v"}},
        {"ObjectSizeGreaterThan": 100},
        {"And": {"Prefix": "b", "ObjectSizeGreaterThan": 100, "ObjectSizeLessThan": 300}},
        {"And": {"Tags": [{"Key": "k", "Value": "v"}, {"Key": "l", "Value": "w"}]}},
    ],
)
def test_only_what_the_filter_fits(aging: Client, there: str, chosen: Rule) -> None:
    aging.put_object(Bucket=there, Key="a", Body=b"x", Tagging="k=w")
    aging.put_object(Bucket=there, Key="b", Body=data(200), Tagging="k=v&l=w&m=x")
    put(aging, there, expiring(**chosen))
    eventually(lambda: keys(aging.list_objects_v2(Bucket=there)) == ["a"])
    time.sleep(DAY)
    assert read(aging, there, "a") == b"x"


def test_noncurrent_versions_and_the_marker_over_them(aging: Client, there: str) -> None:
    versioning(aging, there, "Enabled")
    for body in (b"1", b"2", b"3", b"4"):
        aging.put_object(Bucket=there, Key="a", Body=body)
    noncurrent: Rule = {"ID": "n", "Status": "Enabled", "Filter": {"Prefix": ""}}
    newest = {"NoncurrentDays": 1, "NewerNoncurrentVersions": 2}
    put(aging, there, {**noncurrent, "NoncurrentVersionExpiration": newest})
    eventually(lambda: stack(aging, there, "a") == ["object"] * 3)
    aging.delete_object(Bucket=there, Key="a")
    marker = {"Expiration": {"ExpiredObjectDeleteMarker": True}}
    all_of_them = {"NoncurrentVersionExpiration": {"NoncurrentDays": 1}}
    put(aging, there, {**noncurrent, **all_of_them, **marker})
    eventually(lambda: stack(aging, there, "a") == [])


def test_uploads(aging: Client, there: str) -> None:
    begun = {key: aging.create_multipart_upload(Bucket=there, Key=key) for key in ("a", "b")}
    for key, one in begun.items():
        send_part(aging, there, key, one["UploadId"], 1, data(PART))
    aborting = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}
    put(aging, there, {"ID": "u", "Status": "Enabled", "Prefix": "a", **aborting})

    def left() -> list[str]:
        return [one["Key"] for one in aging.list_multipart_uploads(Bucket=there).get("Uploads", [])]

    eventually(lambda: left() == ["b"])
    with refused("NoSuchUpload", 404):
        send_part(aging, there, "a", begun["a"]["UploadId"], 2, b"x")
    with refused("NoSuchUpload", 404):
        aging.list_parts(Bucket=there, Key="a", UploadId=begun["a"]["UploadId"])


def test_disabled_rules_do_nothing(aging: Client, there: str) -> None:
    aging.put_object(Bucket=there, Key="a", Body=b"x")
    aging.put_object(Bucket=there, Key="witness", Body=b"x")
    put(
        aging,
        there,
        {**expiring(), "Status": "Disabled"},
        {**expiring(Prefix="witness"), "ID": "witness"},
    )
    eventually(lambda: keys(aging.list_objects_v2(Bucket=there)) == ["a"])
    time.sleep(DAY)
    assert read(aging, there, "a") == b"x"


def metric(server: Server, name: str) -> float:
    """One line of /metrics; 0 when it is not there."""
    with urlopen(f"{server.admin_endpoint}/metrics") as answer:
        lines = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines())
    return float(lines.get(name, "0"))


def test_metrics(hasty: Server, aging: Client, there: str) -> None:
    expired = 'ocean_lifecycle_actions_total{action="Expire"}'
    before = metric(hasty, expired)
    for number in range(5):
        aging.put_object(Bucket=there, Key=f"{number}", Body=b"x")
    put(aging, there, expiring())
    eventually(lambda: metric(hasty, expired) == before + 5)
    eventually(lambda: metric(hasty, "ocean_lifecycle_buckets_waiting") == 0)
    full = metric(hasty, "ocean_lifecycle_full_timestamp_seconds")
    eventually(lambda: metric(hasty, "ocean_lifecycle_full_timestamp_seconds") > full)
    assert abs(metric(hasty, "ocean_lifecycle_full_timestamp_seconds") - time.time()) < 30
    assert metric(hasty, "ocean_lifecycle_rows_total") >= 5


def test_a_preview_says_what_would_go(store: Store, s3: Client, versioned: str) -> None:
    if store.server is None:
        pytest.skip("the store is not ours")
    named = {"Bucket": versioned, "Key": "a\n\x1b[31m"}
    old = s3.put_object(**named, Body=b"1")["VersionId"]
    new = s3.put_object(**named, Body=b"2")["VersionId"]
    upload_id = s3.create_multipart_upload(Bucket=versioned, Key="u")["UploadId"]
    put(
        s3,
        versioned,
        {
            **expiring(3),
            "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
        },
    )
    done = store.server.run("lifecycle", "preview", versioned, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [(one["action"], one.get("version_id"), one["at"][:10]) for one in found["actions"]] == [
        ("Delete", old, f"{midnight_after(1):%Y-%m-%d}"),
        ("Expire", new, f"{midnight_after(3):%Y-%m-%d}"),
        ("AbortIncompleteMultipartUpload", None, f"{midnight_after(2):%Y-%m-%d}"),
    ]
    assert found["actions"][2]["upload_id"] == upload_id
    assert {one["rule"] for one in found["actions"]} == {"expiring"}
    assert not found["more"]
    text = store.server.run("lifecycle", "preview", versioned, "--limit", "1").stdout
    assert f'Delete  "a\\n\\u001b[31m"  {old}  rule "expiring"' in text
    assert "and more: these are the first 1" in text
    assert stack(s3, versioned, named["Key"]) == ["object", "object"]
    wrong = store.server.run("lifecycle", "preview", "no-such-bucket")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "there is no bucket no-such-bucket" in wrong.stderr
