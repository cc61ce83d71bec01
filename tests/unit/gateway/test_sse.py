"""Headers of server-side encryption: what they ask for, and that nothing else comes of them."""

import base64
import hashlib
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.ops import sse
from gateway.ops.shapes.common import CustomerKeyInput
from gateway.ops.shapes.objects import PutObjectInput
from metastore.records import (
    Bucket,
    DefaultEncryption,
    Encryption,
    EncryptionMode,
    Upload,
    Version,
)
from ocean import errors
from ocean.errors import AccessDenied, InvalidArgument, InvalidRequest, S3Error
from ocean.keys.wrapping import wrap_with
from ocean.objects.encryption import EncryptionRequest, Subject, wrap_context

KEY = bytes(range(32))
OTHER = bytes(range(1, 33))
BUCKET = Bucket(name="b", id=b"12345678", owner="o", created_ms=0)
S3 = EncryptionRequest(EncryptionMode.S3)


def customers(key: bytes = KEY) -> Any:
    """The fields that carry a client's key."""
    text, md5 = (base64.b64encode(one).decode() for one in (key, hashlib.md5(key).digest()))
    return {
        "sse_customer_algorithm": "AES256",
        "sse_customer_key": text,
        "sse_customer_key_md5": md5,
    }


def context(
    encryption: DefaultEncryption | None = None, headers: dict[str, str] | None = None
) -> Any:
    """As much of a request as is looked at."""
    return SimpleNamespace(
        bucket=replace(BUCKET, encryption=encryption),
        given=headers or {},
        key="key",
        request=SimpleNamespace(secure=True),
    )


def wanted(encryption: DefaultEncryption | None = None, **fields: Any) -> EncryptionRequest | None:
    return sse.wanted(context(encryption), PutObjectInput(**fields))


def test_what_is_asked_for() -> None:
    assert wanted() is None
    assert wanted(server_side_encryption="AES256") == S3
    assert wanted(bucket_key_enabled=True) is None
    assert wanted(**customers()) == EncryptionRequest(EncryptionMode.C, customer_key=KEY)
    assert wanted(server_side_encryption="aws:kms") == EncryptionRequest(EncryptionMode.KMS)
    assert wanted(
        server_side_encryption="aws:kms",
        sse_kms_key_id="alias/k",
        sse_kms_encryption_context="e30=",
        bucket_key_enabled=True,
    ) == EncryptionRequest(EncryptionMode.KMS, "alias/k", "e30=", bucket_key=True)


def test_what_the_bucket_says_counts_where_the_request_says_nothing() -> None:
    default = DefaultEncryption(EncryptionMode.KMS, "k", bucket_key=True)
    assert wanted(default) == EncryptionRequest(EncryptionMode.KMS, "k", bucket_key=True)
    assert wanted(default, server_side_encryption="AES256") == S3
    assert wanted(default, server_side_encryption="aws:kms") == EncryptionRequest(
        EncryptionMode.KMS
    )
    assert wanted(DefaultEncryption(None, blocks_sse_c=True)) is None
    for mode in (None, EncryptionMode.S3):
        with pytest.raises(AccessDenied):
            wanted(DefaultEncryption(mode, blocks_sse_c=True), **customers())


@pytest.mark.parametrize("name", ["aws:kms:dsse", "aws:fsx", "aws:backup"])
def test_modes_that_are_not_built(name: str) -> None:
    with pytest.raises(errors.NotImplemented, match=name):
        wanted(server_side_encryption=name)


odd = st.sampled_from(
    ["", "AES256", "aws:kms", "e30=", "alias/x", "\0", "\ud800", "ü", "a\r\nb", "W10=", "{}"]
) | st.text(max_size=40)
NAMES = ("server_side_encryption", "sse_kms_key_id", "sse_kms_encryption_context", *customers())


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), odd))
def test_odd_values_are_refused_or_understood(fields: dict[str, str]) -> None:
    said: Any = fields
    try:
        found = wanted(**said)
    except S3Error:
        return
    if found is not None:
        assert f"{found.key_id}{found.context}".isascii()
        assert f"{found.key_id}{found.context}".isprintable(), "it is sent again in a header"


@settings(deadline=None)
@given(odd, odd)
def test_a_key_is_in_no_message(key: str, md5: str) -> None:
    planted = f"Planted{key}"
    with pytest.raises(S3Error) as caught:
        wanted(sse_customer_algorithm="AES256", sse_customer_key=planted, sse_customer_key_md5=md5)
    assert "Planted" not in f"{caught.value} {caught.value.details}"


def upload(mode: EncryptionMode | None) -> Upload:
    """One that was begun with KEY, of the mode C."""
    begun = Upload(id=bytes(20), key="key", initiated_ms=0, initiator="", draft=Version())
    if mode is None:
        return begun
    subject = Subject.of_upload(BUCKET.id, begun)
    made = wrap_with(KEY, bytes(32), wrap_context(EncryptionRequest(mode), subject))
    return replace(begun, draft=Version(encryption=Encryption(mode, made)))


def check(mode: EncryptionMode | None, sent: bytes, *, required: bool = True) -> bool:
    """Whether a cipher came of it."""
    given_ = CustomerKeyInput(**customers(sent)) if sent else CustomerKeyInput()
    return sse.check_upload(context(), given_, upload(mode), required=required) is not None


def test_parts_are_sent_with_the_key_that_the_upload_was_begun_with() -> None:
    assert check(EncryptionMode.C, KEY)
    for sent in (OTHER, b""):
        with pytest.raises(InvalidRequest):
            check(EncryptionMode.C, sent)
    assert not check(EncryptionMode.C, b"", required=False)
    with pytest.raises(InvalidRequest):
        check(EncryptionMode.C, OTHER, required=False)
    for mode in (None, EncryptionMode.S3, EncryptionMode.KMS):
        assert not check(mode, b"")
        with pytest.raises(InvalidRequest):
            check(mode, KEY)


@pytest.mark.parametrize("mode", [None, *EncryptionMode])
@pytest.mark.parametrize(
    ("headers", "meant"),
    [
        ({"x-amz-server-side-encryption": "AES256"}, EncryptionMode.S3),
        ({"x-amz-server-side-encryption": "aws:kms"}, EncryptionMode.KMS),
        ({"x-amz-server-side-encryption-aws-kms-key-id": "k"}, EncryptionMode.KMS),
        ({"x-amz-server-side-encryption-context": "e30="}, EncryptionMode.KMS),
        ({"x-amz-server-side-encryption": "x"}, "none"),
    ],
)
def test_what_is_said_again_with_a_part_is_what_was_said(
    mode: EncryptionMode | None, headers: dict[str, str], meant: object
) -> None:
    cx = context(headers=headers)
    given_ = CustomerKeyInput(**(customers() if mode is EncryptionMode.C else {}))
    if mode is meant:
        sse.check_upload(cx, given_, upload(mode))
    else:
        with pytest.raises(InvalidArgument):
            sse.check_upload(cx, given_, upload(mode))


def stored(mode: EncryptionMode, key_id: str = "") -> Version:
    return Version(encryption=Encryption(mode, b"wrapped", key_id))


def test_a_copy_onto_itself_changes_the_encryption() -> None:
    said, silent = PutObjectInput(server_side_encryption="AES256"), PutObjectInput()
    kms = EncryptionRequest(EncryptionMode.KMS, "k")
    assert sse.changes(S3, said, stored(EncryptionMode.S3)), "who says it means it"
    for encrypt, source, changes in (
        (None, Version(), False),
        (S3, Version(), True),
        (None, stored(EncryptionMode.S3), True),
        (S3, stored(EncryptionMode.S3), False),
        (S3, stored(EncryptionMode.KMS), True),
        (kms, stored(EncryptionMode.KMS, "k"), False),
        (kms, stored(EncryptionMode.KMS, "other"), True),
    ):
        assert sse.changes(encrypt, silent, source) is changes
