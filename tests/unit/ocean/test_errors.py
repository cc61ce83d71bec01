"""The error catalogue against S3's published codes and the answers clients test for."""

import re
from pathlib import Path

import pytest

from ocean import errors
from ocean.errors import S3Error, code

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList, as printed
# there with the status, and what the clients' models and s3-tests expect beside it.
PUBLISHED = """
301 PermanentRedirect 304 NotModified 307 Redirect TemporaryRedirect
400 AmbiguousGrantByEmailAddress AuthorizationHeaderMalformed AuthorizationQueryParametersError
400 BadDigest BadRequest CredentialsNotSupported EntityTooLarge EntityTooSmall ExpiredToken
400 IllegalLocationConstraintException IllegalVersioningConfigurationException IncompleteBody
400 IncorrectNumberOfFilesInPostRequest InlineDataTooLarge InvalidArgument InvalidBucketName
400 InvalidDigest InvalidEncryptionAlgorithmError InvalidLocationConstraint InvalidPart
400 InvalidPartOrder InvalidPolicyDocument InvalidRequest InvalidSOAPRequest InvalidStorageClass
400 InvalidTag InvalidTargetBucketForLogging InvalidToken InvalidURI KeyTooLongError
400 MalformedACLError MalformedPOSTRequest MalformedPolicy MalformedXML MaxMessageLengthExceeded
400 MaxPostPreDataLengthExceededError MetadataTooLarge MissingAttachment MissingRequestBodyError
400 MissingSecurityElement MissingSecurityHeader NoLoggingStatusForKey RequestIsNotMultiPartContent
400 RequestHeaderSectionTooLarge RequestTimeout RequestTorrentOfBucketError TokenRefreshRequired
400 TooManyBuckets UnexpectedContent UnresolvableGrantByEmailAddress UserKeyMustBeSpecified
400 XAmzContentSHA256Mismatch AccessControlListNotSupported InvalidBucketAclWithObjectOwnership
403 AccessDenied AccountProblem AllAccessDisabled CrossLocationLoggingProhibited InvalidAccessKeyId
403 InvalidObjectState InvalidPayer InvalidSecurity NotSignedUp RequestTimeTooSkewed QuotaExceeded
403 SignatureDoesNotMatch UnauthorizedAccessError
404 NoSuchBucket NoSuchBucketPolicy NoSuchCORSConfiguration NoSuchKey NoSuchLifecycleConfiguration
404 NoSuchPublicAccessBlockConfiguration NoSuchTagSet NoSuchUpload NoSuchVersion NotFound
404 NoSuchWebsiteConfiguration NoSuchObjectLockConfiguration ObjectLockConfigurationNotFoundError
404 OwnershipControlsNotFoundError ReplicationConfigurationNotFoundError
404 ServerSideEncryptionConfigurationNotFoundError
405 MethodNotAllowed
409 BucketAlreadyExists BucketAlreadyOwnedByYou BucketNotEmpty ConditionalRequestConflict
409 InvalidBucketState OperationAborted RestoreAlreadyInProgress
411 MissingContentLength 412 PreconditionFailed 416 InvalidRange InvalidPartNumber
500 InternalError 501 NotImplemented 503 ServiceUnavailable SlowDown 507 InsufficientStorage
"""


def published() -> list[tuple[str, int]]:
    rows = []
    status = 0
    for word in PUBLISHED.split():
        if word.isdecimal():
            status = int(word)
        else:
            rows.append((word, status))
    return rows


def catalogue() -> dict[str, type[S3Error]]:
    return {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, S3Error) and kind is not S3Error
    }


@pytest.mark.parametrize(("name", "status"), published())
def test_published_code_is_there_with_its_status(name: str, status: int) -> None:
    kind = catalogue()[name]
    assert (kind.code, kind.status) == (name, status)


def test_each_name_is_its_code_and_the_table_is_sorted() -> None:
    kinds = catalogue()
    plain = {name: kind.code.replace(".", "") for name, kind in kinds.items()}
    assert plain == {name: name for name in kinds}
    assert list(kinds) == sorted(kinds)
    assert all(kind.__name__ == name for name, kind in kinds.items())


def test_codes_of_key_management_name_it() -> None:
    """Clients of S3 see the codes of AWS KMS behind its name."""
    dotted = {name: kind.code for name, kind in catalogue().items() if "." in kind.code}
    assert dotted == {
        "KMSDisabledException": "KMS.DisabledException",
        "KMSNotFoundException": "KMS.NotFoundException",
    }


def test_each_code_is_one_line() -> None:
    source = Path(errors.__file__).read_text(encoding="utf-8")
    lines = [line for line in source.splitlines() if re.match(r"\w+ = code\(.*\)", line)]
    assert len(lines) == len(catalogue())


def test_details_headers_and_message_belong_to_the_occurrence() -> None:
    error = errors.InvalidRange(ActualObjectSize="3", headers={"Content-Range": "bytes */3"})
    assert error.details == {"ActualObjectSize": "3"}
    assert error.headers == {"Content-Range": "bytes */3"}
    assert errors.InvalidArgument("said").message == str(errors.InvalidArgument("said")) == "said"
    assert errors.InvalidArgument.message != "said"


def test_declared_code_is_an_s3_error() -> None:
    kind = code("Odd", 499, "odd")
    with pytest.raises(S3Error, match="odd"):
        raise kind
