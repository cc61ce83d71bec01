"""What the inputs and outputs of several operations have in common."""

from typing import Annotated, Literal

from gateway.wire.bind import Header, Headers, Input, Output, Query
from gateway.wire.documents import Document, Element

PART_NUMBER = Query(
    "partNumber",
    between=(1, 10_000),
    message="Part number must be an integer between 1 and 10000, inclusive",
)


class BucketInput(Input):
    expected_bucket_owner: Annotated[str | None, Header("x-amz-expected-bucket-owner")] = None


class ObjectInput(BucketInput):
    request_payer: Annotated[Literal["requester"] | None, Header("x-amz-request-payer")] = None


ServerSideEncryption = Annotated[str | None, Header("x-amz-server-side-encryption")]
KmsKeyId = Annotated[str | None, Header("x-amz-server-side-encryption-aws-kms-key-id")]
EncryptionContext = Annotated[str | None, Header("x-amz-server-side-encryption-context")]
BucketKeyEnabled = Annotated[bool | None, Header("x-amz-server-side-encryption-bucket-key-enabled")]
CustomerAlgorithm = Annotated[str | None, Header("x-amz-server-side-encryption-customer-algorithm")]
CustomerKey = Annotated[str | None, Header("x-amz-server-side-encryption-customer-key")]
CustomerKeyMd5 = Annotated[str | None, Header("x-amz-server-side-encryption-customer-key-MD5")]


class CustomerKeyInput(ObjectInput):
    """What may carry the client's own key (SSE-C), which is never shown."""

    sse_customer_algorithm: CustomerAlgorithm = None
    sse_customer_key: CustomerKey = None
    sse_customer_key_md5: CustomerKeyMd5 = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"


class ChecksumInput(CustomerKeyInput):
    checksum_crc32: Annotated[str | None, Header("x-amz-checksum-crc32")] = None
    checksum_crc32c: Annotated[str | None, Header("x-amz-checksum-crc32c")] = None
    checksum_crc64nvme: Annotated[str | None, Header("x-amz-checksum-crc64nvme")] = None
    checksum_sha1: Annotated[str | None, Header("x-amz-checksum-sha1")] = None
    checksum_sha256: Annotated[str | None, Header("x-amz-checksum-sha256")] = None


class UploadInput(ChecksumInput):
    """A whole object in one request. Inputs on other bases repeat this: structs have one base."""

    cache_control: Annotated[str | None, Header("Cache-Control")] = None
    content_disposition: Annotated[str | None, Header("Content-Disposition")] = None
    content_encoding: Annotated[str | None, Header("Content-Encoding")] = None
    content_language: Annotated[str | None, Header("Content-Language")] = None
    content_md5: Annotated[str | None, Header("Content-MD5")] = None
    content_type: Annotated[str | None, Header("Content-Type")] = None
    expires: Annotated[str | None, Header("Expires")] = None
    metadata: Annotated[dict[str, str] | None, Headers("x-amz-meta-")] = None
    object_lock_mode: Annotated[str | None, Header("x-amz-object-lock-mode")] = None
    object_lock_retain_until_date: Annotated[
        str | None, Header("x-amz-object-lock-retain-until-date")
    ] = None
    object_lock_legal_hold: Annotated[str | None, Header("x-amz-object-lock-legal-hold")] = None
    server_side_encryption: ServerSideEncryption = None
    sse_kms_key_id: KmsKeyId = None
    sse_kms_encryption_context: EncryptionContext = None
    bucket_key_enabled: BucketKeyEnabled = None
    storage_class: Annotated[str | None, Header("x-amz-storage-class")] = None


class EncryptionOutput(Output):
    """What an answer says of encryption, by a key of the store or of the client."""

    server_side_encryption: ServerSideEncryption = None
    sse_kms_key_id: KmsKeyId = None
    bucket_key_enabled: BucketKeyEnabled = None
    sse_customer_algorithm: CustomerAlgorithm = None
    sse_customer_key_md5: CustomerKeyMd5 = None


class ChecksumOutput(EncryptionOutput):
    checksum_crc32: Annotated[str | None, Header("x-amz-checksum-crc32")] = None
    checksum_crc32c: Annotated[str | None, Header("x-amz-checksum-crc32c")] = None
    checksum_crc64nvme: Annotated[str | None, Header("x-amz-checksum-crc64nvme")] = None
    checksum_sha1: Annotated[str | None, Header("x-amz-checksum-sha1")] = None
    checksum_sha256: Annotated[str | None, Header("x-amz-checksum-sha256")] = None


class Checksums(Document):
    checksum_crc32: Annotated[str | None, Element("ChecksumCRC32")] = None
    checksum_crc32c: Annotated[str | None, Element("ChecksumCRC32C")] = None
    checksum_crc64nvme: Annotated[str | None, Element("ChecksumCRC64NVME")] = None
    checksum_sha1: Annotated[str | None, Element("ChecksumSHA1")] = None
    checksum_sha256: Annotated[str | None, Element("ChecksumSHA256")] = None


class Owner(Document):
    id: Annotated[str | None, Element("ID")] = None
    display_name: str | None = None
