"""Names of buckets and keys by S3's rules. Pure: a name is good or the error says which rule.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
"""

import re

from ocean.errors import InvalidArgument, InvalidBucketName, InvalidURI, KeyTooLongError

MAX_KEY_BYTES = 1024

# Ocean's are 40 hex digits; those of other stores, which objects may have had before, are taken for
# ids as well.
_VERSION_ID = re.compile(r"null|[A-Za-z0-9._~+/=-]{32,1024}")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+")
_NOT_BESIDE_A_DOT = ("..", ".-", "-.")
_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def is_bucket_name(name: str) -> bool:
    """3 to 63 of lower-case letters, digits, dots and hyphens; neither an address nor reserved."""
    return (
        _BUCKET.fullmatch(name) is not None
        and not any(pair in name for pair in _NOT_BESIDE_A_DOT)
        and _ADDRESS.fullmatch(name) is None
        and not name.startswith(_PREFIXES)
        and not name.endswith(_SUFFIXES)
    )


def check_bucket_name(name: str) -> None:
    """Raise InvalidBucketName for a name that no bucket may get."""
    if not is_bucket_name(name):
        raise InvalidBucketName(BucketName=name)


def check_key(key: str) -> None:
    """Raise KeyTooLongError for a key of more than 1024 bytes in UTF-8."""
    if 4 * len(key) <= MAX_KEY_BYTES:
        return
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise InvalidURI from None
    if size > MAX_KEY_BYTES:
        raise KeyTooLongError(Size=str(size), MaxSizeAllowed=str(MAX_KEY_BYTES))


def check_version_id(version_id: str | None, argument: str = "versionId") -> None:
    """Raise InvalidArgument for what can be no version id of S3's, as AWS does.

    Whether there is such a one is not looked at. None, for a request that names none, is good.
    """
    if version_id is None or _VERSION_ID.fullmatch(version_id):
        return
    if not version_id:
        raise InvalidArgument(
            "Version id cannot be the empty string", ArgumentName=argument, ArgumentValue=""
        )
    raise InvalidArgument(
        "Invalid version id specified", ArgumentName=argument, ArgumentValue=version_id
    )
