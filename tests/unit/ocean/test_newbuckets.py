"""What new buckets have, by configuration."""

import pytest

from metastore.records import DefaultEncryption, EncryptionMode, Ownership, PublicAccessBlock
from ocean.config.schema import NewBuckets
from ocean.rules.newbuckets import NewBucket, configured

ALL = PublicAccessBlock(*[True] * 4)
AWS = NewBucket(
    Ownership.BUCKET_OWNER_ENFORCED, ALL, DefaultEncryption(EncryptionMode.S3, blocks_sse_c=True)
)


def test_as_they_are_without_a_word_in_the_configuration() -> None:
    assert configured("open", NewBuckets()) == NewBucket()
    assert configured("aws", NewBuckets()) == AWS


@pytest.mark.parametrize("defaults", ["open", "aws"])
def test_each_key_outweighs_the_defaults(defaults: str) -> None:
    base = configured(defaults, NewBuckets())
    made = configured(defaults, NewBuckets(ownership="ObjectWriter"))
    assert made == base._replace(ownership=Ownership.UNSET)
    made = configured(defaults, NewBuckets(ownership="BucketOwnerPreferred"))
    assert made == base._replace(ownership=Ownership.BUCKET_OWNER_PREFERRED)
    made = configured(defaults, NewBuckets(ownership="BucketOwnerEnforced"))
    assert made == base._replace(ownership=Ownership.BUCKET_OWNER_ENFORCED)
    made = configured(defaults, NewBuckets(public_access="blocked"))
    assert made == base._replace(public_access_block=ALL)
    made = configured(defaults, NewBuckets(public_access="allowed"))
    assert made == base._replace(public_access_block=None)


@pytest.mark.parametrize("defaults", ["open", "aws"])
@pytest.mark.parametrize("encryption", ["none", "AES256"])
@pytest.mark.parametrize("sse_c", ["allowed", "blocked"])
def test_encryption_and_keys_of_clients_are_two_things(
    defaults: str, encryption: str, sse_c: str
) -> None:
    given = NewBuckets(encryption=encryption, sse_c=sse_c)  # type: ignore[arg-type]
    found = configured(defaults, given).encryption
    mode = EncryptionMode.S3 if encryption == "AES256" else None
    if mode is None and sse_c == "allowed":
        assert found is None
    else:
        assert found == DefaultEncryption(mode, blocks_sse_c=sse_c == "blocked")
