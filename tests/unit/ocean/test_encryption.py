"""Data keys of versions: for whom they open, and for nobody else."""

import hashlib
import hmac
from itertools import combinations

import pytest
from msgspec.structs import replace

from metastore.memory import MemoryEngine
from metastore.records import Encryption, EncryptionMode, Upload, Version
from ocean.body.cipher import window
from ocean.errors import AccessDenied, InvalidRequest
from ocean.keys.local import MasterKey
from ocean.keys.named import DEFAULT, LocalKeys, NamedKeys
from ocean.keys.provider import KeyNotFound, NoKeys, UnwrapFailed
from ocean.keys.wrapping import wrapper_of
from ocean.objects.encryption import (
    Cipher,
    Ciphers,
    EncryptionRequest,
    Subject,
    unlocked,
    wrap_context,
)

BUCKET = b"12345678"
OP, OTHER_OP = bytes(range(12)), bytes(range(1, 13))
UPLOAD = bytes(range(20))
SUBJECT = Subject(BUCKET, "key", OP)
KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))
S3 = EncryptionRequest(EncryptionMode.S3)
KMS = EncryptionRequest(EncryptionMode.KMS, "mine", "e30=", bucket_key=True)
CUSTOMERS = EncryptionRequest(EncryptionMode.C, customer_key=KEY)
MD5 = hashlib.md5(b"data").digest()


@pytest.fixture
async def ciphers() -> Ciphers:
    keys = NamedKeys(MemoryEngine(), MasterKey(bytes(32)))
    await keys.create("mine")
    return Ciphers(LocalKeys(keys))


@pytest.mark.parametrize("asked", [S3, KMS, CUSTOMERS])
async def test_what_is_begun_is_opened(ciphers: Ciphers, asked: EncryptionRequest) -> None:
    stored, cipher = await ciphers.begin(asked, SUBJECT)
    assert (stored.mode, stored.key_id, stored.context, stored.bucket_key) == (
        asked.mode,
        asked.key_id,
        asked.context,
        asked.bucket_key,
    )
    assert await ciphers.opened(stored, SUBJECT, asked.customer_key) == cipher
    assert cipher.data_key not in stored.wrapped
    again, other = await ciphers.begin(asked, SUBJECT)
    assert again.wrapped != stored.wrapped
    assert other.data_key != cipher.data_key, "every version has a data key of its own"
    if asked is not CUSTOMERS:
        assert wrapper_of(stored.wrapped).name == (asked.key_id or DEFAULT)


@pytest.mark.parametrize("asked", [S3, KMS, CUSTOMERS])
@pytest.mark.parametrize(
    "subject",
    [
        SUBJECT._replace(bucket_id=b"12345679"),
        SUBJECT._replace(key="key2"),
        SUBJECT._replace(key="ke"),
        SUBJECT._replace(write=OTHER_OP),
        SUBJECT._replace(write=UPLOAD),
    ],
)
async def test_nobody_else_opens_it(
    ciphers: Ciphers, asked: EncryptionRequest, subject: Subject
) -> None:
    stored, _ = await ciphers.begin(asked, SUBJECT)
    with pytest.raises(AccessDenied if asked is CUSTOMERS else UnwrapFailed):
        await ciphers.opened(stored, subject, asked.customer_key)


@pytest.mark.parametrize("asked", [S3, KMS])
async def test_another_mode_or_context_opens_nothing(
    ciphers: Ciphers, asked: EncryptionRequest
) -> None:
    stored, _ = await ciphers.begin(asked, SUBJECT)
    other = EncryptionMode.KMS if asked is S3 else EncryptionMode.S3
    for altered in (replace(stored, mode=other), replace(stored, context="e31=")):
        with pytest.raises(UnwrapFailed):
            await ciphers.opened(altered, SUBJECT)


def test_contexts_of_different_subjects_differ() -> None:
    """However their fields are cut."""
    found = [
        wrap_context(Encryption(mode, b"", context=context), Subject(BUCKET, key, write))
        for mode in (EncryptionMode.S3, EncryptionMode.KMS)
        for key in ("", "a", "ab", "\0", "ä")
        for write in (OP, OP + b"a", UPLOAD)
        for context in ("", "a", "b")
    ]
    assert all(one != other for one, other in combinations(found, 2))


async def test_a_client_s_key_is_needed_and_no_other(ciphers: Ciphers) -> None:
    stored, cipher = await ciphers.begin(CUSTOMERS, SUBJECT)
    assert unlocked(stored, SUBJECT, KEY) == cipher
    with pytest.raises(AccessDenied):
        unlocked(stored, SUBJECT, OTHER_KEY)
    with pytest.raises(InvalidRequest):
        unlocked(stored, SUBJECT)
    for other in ((await ciphers.begin(S3, SUBJECT))[0], None):
        assert unlocked(other, SUBJECT) is None
        with pytest.raises(InvalidRequest):
            unlocked(other, SUBJECT, KEY)


def test_of_a_version_the_upload_counts_that_it_came_by() -> None:
    version = Version(op=OP)
    assert Subject.of(BUCKET, "key", version) == SUBJECT
    uploaded = replace(version, upload=UPLOAD)
    upload = Upload(id=UPLOAD, key="key", initiated_ms=0, initiator="", draft=version)
    assert Subject.of(BUCKET, "key", uploaded) == Subject.of_upload(BUCKET, upload)


def test_etags() -> None:
    """Only that of SSE-S3 is the MD5; the others tell nothing of the bytes without the key."""
    assert Cipher(EncryptionMode.S3, KEY).etag(MD5) == MD5
    for mode in (EncryptionMode.KMS, EncryptionMode.C):
        assert Cipher(mode, KEY).etag(MD5) == hmac.digest(KEY, MD5, "sha256")[:16]
        assert Cipher(mode, KEY).etag(MD5) != Cipher(mode, OTHER_KEY).etag(MD5)


def test_streams_under_two_salts_have_two_keys() -> None:
    cipher = Cipher(EncryptionMode.S3, KEY)
    sealed = []
    for salt in (OP, OTHER_OP):
        sealing = cipher.sealing(salt)
        sealed.append(sealing.feed(b"same") + sealing.finish())
        opening = cipher.opening(salt, 4, window(0, 4, 4))
        assert bytes(opening.feed(sealed[-1])) == b"same"
        opening.finish()
    assert sealed[0] != sealed[1]


async def test_a_process_without_keys_has_those_of_clients() -> None:
    ciphers = Ciphers(NoKeys())
    for asked in (S3, KMS):
        with pytest.raises(KeyNotFound):
            await ciphers.begin(asked, SUBJECT)
    stored, cipher = await ciphers.begin(CUSTOMERS, SUBJECT)
    assert await ciphers.opened(stored, SUBJECT, KEY) == cipher
    with pytest.raises(KeyNotFound):
        await ciphers.opened(Encryption(EncryptionMode.S3, stored.wrapped), SUBJECT)


def test_no_key_is_shown() -> None:
    secret = b"PlantedPlantedPlantedPlantedPlan"
    asked = EncryptionRequest(EncryptionMode.C, customer_key=secret)
    for holder in (Cipher(EncryptionMode.C, secret), asked):
        assert "Planted" not in f"{holder!r} {holder} {[holder]}"
