"""Pages of listings: a template that reads as the document would, with S3's own parser."""

from typing import Any
from urllib.parse import unquote

import botocore.parsers
import botocore.session
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.ops.shapes.listing import ListBucketResult, ListBucketResultV2, ListVersionsResult
from gateway.wire.listing import location, objects_page, versions_page

MODEL = botocore.session.get_session().get_service_model("s3")


def parsed(operation: str, body: bytes) -> dict[str, Any]:
    """The page as a client sees it."""
    parser = botocore.parsers.create_parser("rest-xml")
    shape = MODEL.operation_model(operation).output_shape
    answer = {"body": body, "headers": {}, "status_code": 200}
    found: dict[str, Any] = parser.parse(answer, shape)
    return found


keys = st.text(
    st.characters(
        codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"
    ),
    min_size=1,
    max_size=12,
)
objects = st.lists(
    st.tuples(
        keys,
        st.integers(0, 2**33),
        st.from_regex(r"[0-9a-f]{32}(-[1-9])?", fullmatch=True),
        st.integers(0, 2**43),
        st.sampled_from(["", "CRC32", "CRC64NVME"]),
        st.just("FULL_OBJECT"),
        st.sampled_from(["STANDARD", "COLD"]),
    ),
    max_size=5,
)


@settings(max_examples=50)
@given(objects, st.lists(keys, max_size=3), st.booleans(), st.booleans())
def test_a_client_reads_the_rows(
    rows: list[tuple[str, int, str, int, str, str, str]],
    prefixes: list[str],
    encoded: bool,
    owned: bool,
) -> None:
    head = ListBucketResultV2(
        name="b",
        prefix="p&/",
        key_count=len(rows) + len(prefixes),
        max_keys=1000,
        is_truncated=True,
        next_continuation_token="t/&",
        start_after="s +",
        encoding_type="url" if encoded else None,
    )
    page = parsed(
        "ListObjectsV2",
        objects_page(head, rows, prefixes, owners=[("id", "n&")] * len(rows) if owned else ()),
    )
    plain = unquote if encoded else str
    assert (page["Name"], page["KeyCount"], page["IsTruncated"]) == ("b", head.key_count, True)
    assert (plain(page["Prefix"]), plain(page["StartAfter"])) == ("p&/", "s +")
    assert page["NextContinuationToken"] == "t/&"
    contents = page.get("Contents", [])
    for row, entry in zip(rows, contents, strict=True):
        key, modified, etag, size, algorithm, kind, stored = row
        assert plain(entry["Key"]) == key
        assert entry["LastModified"].timestamp() == modified
        assert (entry["ETag"], entry["Size"]) == (f'"{etag}"', size)
        assert entry.get("ChecksumAlgorithm", []) == ([algorithm] if algorithm else [])
        assert entry.get("ChecksumType") == (kind if algorithm else None)
        assert entry.get("Owner") == ({"ID": "id", "DisplayName": "n&"} if owned else None)
        assert entry["StorageClass"] == stored
    found = [plain(one["Prefix"]) for one in page.get("CommonPrefixes", [])]
    assert found == prefixes


def test_versions_and_delete_markers() -> None:
    head = ListVersionsResult(
        name="b", max_keys=2, is_truncated=True, next_key_marker="k<", next_version_id_marker="v1"
    )
    rows = [
        ("k<", "v2", True, 1_700_000_000, "", 0, "", "", "STANDARD"),
        ("k<", "v1", False, 1_600_000_000, "ab", 5, "SHA1", "COMPOSITE", "COLD"),
    ]
    body = versions_page(head, rows, ["p/"], owners=[("id", "name")] * len(rows))
    page = parsed("ListObjectVersions", body)
    (marker,), (version,) = page["DeleteMarkers"], page["Versions"]
    assert (marker["Key"], marker["VersionId"], marker["IsLatest"]) == ("k<", "v2", True)
    assert marker["LastModified"].timestamp() == 1_700_000_000
    assert (version["ETag"], version["Size"], version["IsLatest"]) == ('"ab"', 5, False)
    assert (version["ChecksumAlgorithm"], version["ChecksumType"]) == (["SHA1"], "COMPOSITE")
    assert version["StorageClass"] == "COLD"
    assert version["Owner"] == marker["Owner"] == {"ID": "id", "DisplayName": "name"}
    assert (page["NextKeyMarker"], page["NextVersionIdMarker"]) == ("k<", "v1")
    assert body.index(b"<DeleteMarker>") < body.index(b"<Version>")


@pytest.mark.parametrize("char", ["\x01", "\x1f", "\r", "\x7f", "\x85", "\ufffe"])
def test_keys_that_xml_cannot_hold_are_references(char: str) -> None:
    head = ListBucketResult(name="b", max_keys=1, is_truncated=False)
    body = objects_page(head, [(f"a{char}b", 0, "e", 0, "", "", "STANDARD")], [])
    assert f"<Key>a&#x{ord(char):x};b</Key>".encode() in body
    encoded = ListBucketResult(name="b", max_keys=1, is_truncated=False, encoding_type="url")
    page = parsed(
        "ListObjects", objects_page(encoded, [(f"a{char} +b", 0, "e", 0, "", "", "STANDARD")], [])
    )
    assert unquote(page["Contents"][0]["Key"]) == f"a{char} +b"


def test_location() -> None:
    assert location("eu-west-1").endswith(b">eu-west-1</LocationConstraint>")
    assert location("us-east-1").endswith(b"></LocationConstraint>")
