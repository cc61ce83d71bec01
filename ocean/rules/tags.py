"""Tag sets of objects and buckets. Pure: what `checked` returns, it accepts again.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
"""

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl

from ocean.errors import InvalidArgument, InvalidTag, S3Error

MAX_OBJECT_TAGS = 10
MAX_BUCKET_TAGS = 50
MAX_KEY = 128  # characters
MAX_VALUE = 256

# Letters, digits and spaces of Unicode, and + - = . _ : / @
_ALLOWED = re.compile(r"[\w \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+\-=.:/@]*")


def checked(pairs: Iterable[tuple[str, str]], *, limit: int = MAX_OBJECT_TAGS) -> dict[str, str]:
    """The tags by key, or InvalidTag."""
    tags: dict[str, str] = {}
    for key, value in pairs:
        if key in tags:
            raise InvalidTag("Cannot provide multiple Tags with the same key", TagKey=key)
        if not 1 <= len(key) <= MAX_KEY or _ALLOWED.fullmatch(key) is None:
            raise InvalidTag("The TagKey you have provided is invalid", TagKey=key)
        if len(value) > MAX_VALUE or _ALLOWED.fullmatch(value) is None:
            raise InvalidTag(
                "The TagValue you have provided is invalid", TagKey=key, TagValue=value
            )
        if key.lower().startswith("aws:"):
            raise InvalidTag("System tags cannot be added/updated by requester", TagKey=key)
        tags[key] = value
    if len(tags) > limit:
        kind = "Object" if limit == MAX_OBJECT_TAGS else "Bucket"
        raise InvalidTag(f"{kind} tags cannot be greater than {limit}")
    return tags


def parse_header(text: str) -> dict[str, str]:
    """The tags of x-amz-tagging, sorted: `key=value&key2=value2`, percent-encoded UTF-8."""
    if not text:
        return {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=1000)
    except ValueError:
        raise _malformed(text) from None
    if len({key for key, _ in pairs}) != len(pairs):
        raise _malformed(text)
    return checked(sorted(pairs))


def _malformed(text: str) -> S3Error:
    return InvalidArgument(
        "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters "
        "without tag name duplicates.",
        ArgumentName="x-amz-tagging",
        ArgumentValue=text,
    )
