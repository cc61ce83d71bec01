"""What a bucket has from its creation on, by configuration. Pure.

AWS's defaults are those of buckets made since April 2023, and since April 2026 for SSE-C:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
"""

from typing import NamedTuple

from metastore.records import DefaultEncryption, EncryptionMode, Ownership, PublicAccessBlock
from ocean.config.schema import NewBuckets

_OWNERSHIP = {
    "ObjectWriter": Ownership.UNSET,  # as without any controls
    "BucketOwnerPreferred": Ownership.BUCKET_OWNER_PREFERRED,
    "BucketOwnerEnforced": Ownership.BUCKET_OWNER_ENFORCED,
}
_ALL = PublicAccessBlock(
    block_public_acls=True,
    ignore_public_acls=True,
    block_public_policy=True,
    restrict_public_buckets=True,
)


class NewBucket(NamedTuple):
    """Settings of a bucket that nobody has set."""

    ownership: Ownership = Ownership.UNSET
    public_access_block: PublicAccessBlock | None = None
    encryption: DefaultEncryption | None = None


def configured(defaults: str, given: NewBuckets) -> NewBucket:
    """The settings by configuration: what is `default` is as `defaults` says, "open" or "aws"."""
    aws = defaults == "aws"
    ownership = given.ownership
    if ownership == "default":
        ownership = "BucketOwnerEnforced" if aws else "ObjectWriter"
    blocked = given.public_access == "blocked" or (aws and given.public_access == "default")
    encrypted = given.encryption == "AES256" or (aws and given.encryption == "default")
    refused = given.sse_c == "blocked" or (aws and given.sse_c == "default")
    encryption = None
    if encrypted or refused:
        mode = EncryptionMode.S3 if encrypted else None
        encryption = DefaultEncryption(mode, blocks_sse_c=refused)
    return NewBucket(_OWNERSHIP[ownership], _ALL if blocked else None, encryption)
