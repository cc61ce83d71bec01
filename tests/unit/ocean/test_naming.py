"""Names of buckets and keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocean.errors import InvalidBucketName, InvalidURI, KeyTooLongError
from ocean.rules.naming import check_bucket_name, check_key, is_bucket_name

GOOD = ["abc", "a-b", "a.b", "1bucket", "a" * 63, "my.bucket.name", "192.168.5", "a--b", "256-1"]
BAD = [
    "", "ab", "a" * 64, "Abc", "a_b", "-ab", "ab-", ".ab", "ab.", "a..b", "a.-b", "a-.b", "a b",
    "192.168.5.4", "xn--abc", "sthree-abc", "amzn-s3-demo-abc", "abc-s3alias", "abc--ol-s3",
    "abc.mrap", "abc--x-s3", "abc--table-s3", "a/b", "abc\n", "b\u00fccket", "\u0661\u0662\u0663",
]  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_good(name: str) -> None:
    check_bucket_name(name)
    assert is_bucket_name(name)


@pytest.mark.parametrize("name", BAD)
def test_bad(name: str) -> None:
    with pytest.raises(InvalidBucketName) as caught:
        check_bucket_name(name)
    assert caught.value.details == {"BucketName": name}


@given(st.text(max_size=70))
def test_a_good_name_is_a_host_name(name: str) -> None:
    if is_bucket_name(name):
        assert name == name.lower()
        assert all(label and label.strip("-") == label for label in name.split("."))


@pytest.mark.parametrize("key", ["", "a" * 1024, "\u00e9" * 512, "\U0001f600" * 256])
def test_keys_that_fit(key: str) -> None:
    check_key(key)


@pytest.mark.parametrize("key", ["a" * 1025, "\u00e9" * 513, "\U0001f600" * 257])
def test_keys_that_do_not(key: str) -> None:
    with pytest.raises(KeyTooLongError) as caught:
        check_key(key)
    assert caught.value.details == {"Size": str(len(key.encode())), "MaxSizeAllowed": "1024"}


def test_a_key_that_is_no_text() -> None:
    with pytest.raises(InvalidURI):
        check_key("\ud800" * 300)
