"""Features that are not built: a request that asks for one is refused by the header's name. Pure.

No header of a feature that is not there is ever ignored: what begins with `x-amz-` is known to be
harmless or handled, has a harmless value, or is refused. Presigned URLs carry the same names in
their query.
"""

import re
from collections.abc import Collection, Mapping

from gateway.wire.hoisting import PRESIGNED
from ocean import errors
from ocean.errors import S3Error

# Read by signatures, bodies and the inputs of operations.
HANDLED = frozenset(
    {
        "x-amz-algorithm",
        "x-amz-checksum-algorithm",
        "x-amz-checksum-crc32",
        "x-amz-checksum-crc32c",
        "x-amz-checksum-crc64nvme",
        "x-amz-checksum-mode",
        "x-amz-checksum-sha1",
        "x-amz-checksum-sha256",
        "x-amz-checksum-type",
        "x-amz-content-sha256",
        "x-amz-copy-source",
        "x-amz-copy-source-if-match",
        "x-amz-copy-source-if-modified-since",
        "x-amz-copy-source-if-none-match",
        "x-amz-copy-source-if-unmodified-since",
        "x-amz-copy-source-range",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-decoded-content-length",
        "x-amz-expected-bucket-owner",
        "x-amz-expires",
        "x-amz-max-parts",
        "x-amz-metadata-directive",
        "x-amz-mp-object-size",
        "x-amz-object-attributes",
        "x-amz-optional-object-attributes",
        "x-amz-part-number-marker",
        "x-amz-sdk-checksum-algorithm",
        "x-amz-security-token",
        "x-amz-signature",
        "x-amz-signedheaders",
        "x-amz-source-expected-bucket-owner",
        "x-amz-tagging",
        "x-amz-tagging-directive",
        "x-amz-te",
        "x-amz-trailer",
        # Nobody pays here; S3 takes the header too for buckets that never asked for it.
        "x-amz-request-payer",
        # Said by clients about themselves.
        "x-amz-user-agent",
        "x-amz-cf-id",
        "x-amz-id-2",
        "x-amz-request-id",
    }
)
METADATA = "x-amz-meta-"

# What most requests carry, so that one look into one set settles most headers.
_COMMON = HANDLED | {
    "accept",
    "accept-encoding",
    "amz-sdk-invocation-id",
    "amz-sdk-request",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-md5",
    "content-type",
    "expect",
    "host",
    "range",
    "transfer-encoding",
    "user-agent",
}

# What a form's fields may say beside metadata.
_FIELDS = frozenset(
    {
        "x-amz-algorithm",
        "x-amz-checksum-algorithm",
        "x-amz-checksum-crc32",
        "x-amz-checksum-crc32c",
        "x-amz-checksum-crc64nvme",
        "x-amz-checksum-sha1",
        "x-amz-checksum-sha256",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-security-token",
        "x-amz-signature",
    }
)

# Refused but for the values that ask for what is there anyway (in lower case).
ALLOWED_VALUES = {
    "x-amz-acl": frozenset({"private"}),
    "x-amz-bucket-namespace": frozenset({"global"}),
    "x-amz-bucket-object-lock-enabled": frozenset({"false"}),
    # Nothing can be under a retention yet, so there is nothing that this would not bypass.
    "x-amz-bypass-governance-retention": frozenset({"false", "true"}),
    "x-amz-object-ownership": frozenset({"bucketownerenforced"}),
    "x-amz-storage-class": frozenset({"standard"}),
}
# Grants to the owner give what the owner may do anyway.
GRANTS = frozenset(
    {
        "x-amz-grant-full-control",
        "x-amz-grant-read",
        "x-amz-grant-read-acp",
        "x-amz-grant-write",
        "x-amz-grant-write-acp",
    }
)
_GRANTEE = re.compile(r'[ \t]*id="?([^",=\s]+)"?[ \t]*')
STORAGE_CLASSES = frozenset(
    {
        "DEEP_ARCHIVE",
        "EXPRESS_ONEZONE",
        "FSX_OPENZFS",
        "GLACIER",
        "GLACIER_IR",
        "INTELLIGENT_TIERING",
        "ONEZONE_IA",
        "OUTPOSTS",
        "REDUCED_REDUNDANCY",
        "SNOW",
        "STANDARD_IA",
    }
)


def refuse(
    headers: Mapping[str, str],
    query: Mapping[str, str],
    owner: str = "",
    classes: Collection[str] = (),
) -> None:
    """Raise NotImplemented for the first header of a feature that is not built.

    `headers` have names in lower case; a query has any case and is looked at as if it were headers,
    because a presigned URL may carry them there. `owner` is the canonical id of the
    bucket's owner, `classes` are the storage classes that placement rules name.
    """
    for name in headers:
        if name not in _COMMON and name.startswith("x-amz-"):
            _check(name, name, headers[name], owner, classes)
    if PRESIGNED.issuperset(query):
        return  # all of them are HANDLED
    for name in query:
        if name[:6] in ("x-amz-", "X-Amz-") and (lower := name.lower()) not in HANDLED:
            _check(lower, name, query[name], owner, classes)


def refuse_fields(fields: Mapping[str, str], classes: Collection[str] = ()) -> None:
    """The same for the fields of a form, by name in lower case, of which fewer have a meaning."""
    for name, value in fields.items():
        if name == "acl":
            _check("x-amz-acl", name, value)
        elif name.startswith("x-amz-") and name not in _FIELDS:
            _check(name, name, value, classes=classes)


def _check(
    name: str, given: str, value: str, owner: str = "", classes: Collection[str] = ()
) -> None:
    if name.startswith(METADATA):
        return
    if name == "x-amz-storage-class" and value in classes:
        return
    if name in GRANTS and all(_grantee(one) == owner for one in value.split(",")):
        return
    if value.lower() not in ALLOWED_VALUES.get(name, ()):
        raise _refusal(name, given, value)


def _grantee(text: str) -> str | None:
    """The canonical id of a grantee, None for one that is named otherwise."""
    match = _GRANTEE.fullmatch(text)
    return match[1] if match else None


def _refusal(name: str, given: str, value: str) -> S3Error:
    if name == "x-amz-storage-class" and value not in STORAGE_CLASSES:
        return errors.InvalidStorageClass(StorageClassRequested=value)
    return errors.NotImplemented(Header=given)
