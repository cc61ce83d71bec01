"""Tag sets."""

from contextlib import suppress
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocean.errors import InvalidArgument, InvalidTag, S3Error
from ocean.rules.tags import MAX_BUCKET_TAGS, checked, parse_header

words = st.text("abcXYZ019 +-=._:/@\u00e9\u4e2d", min_size=1, max_size=12)


@given(st.dictionaries(words, words | st.just(""), max_size=10))
def test_the_header_holds_what_was_encoded(tags: dict[str, str]) -> None:
    assert list(parse_header(urlencode(tags)).items()) == sorted(tags.items())
    assert checked(checked(tags.items()).items()) == tags


@given(st.text(max_size=40))
def test_any_text_is_a_tag_set_or_an_s3_error(text: str) -> None:
    with suppress(S3Error):
        tags = parse_header(text)
        assert len(tags) <= 10


@pytest.mark.parametrize(
    ("text", "tags"),
    [("", {}), ("a=b&c", {"a": "b", "c": ""}), ("a=", {"a": ""}), ("a%20b=c+d", {"a b": "c d"})],
)
def test_header(text: str, tags: dict[str, str]) -> None:
    assert parse_header(text) == tags


@pytest.mark.parametrize("text", ["a=1&a=2", "a=%ff", "&".join(f"k{i}=" for i in range(1001))])
def test_malformed_header(text: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_header(text)
    assert caught.value.details == {"ArgumentName": "x-amz-tagging", "ArgumentValue": text}


@pytest.mark.parametrize(
    "pairs",
    [
        [("", "v")],
        [("k" * 129, "v")],
        [("k", "v" * 257)],
        [("k", "1"), ("k", "2")],
        [("k!", "v")],
        [("k", "v;")],
        [("k", "a\nb")],
        [("aws:k", "v")],
        [("AWS:k", "v")],
        [(f"k{i}", "") for i in range(11)],
    ],
)
def test_invalid(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidTag):
        checked(pairs)


def test_bounds() -> None:
    assert checked([("k" * 128, "v" * 256)]) == {"k" * 128: "v" * 256}
    fifty = {f"k{i}": "" for i in range(50)}
    assert checked(fifty.items(), limit=MAX_BUCKET_TAGS) == fifty
