"""The S3 error catalogue: one line for each code.

`NotImplemented` hides a builtin: use it as `errors.NotImplemented`.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

# ruff: noqa: E501  (a table: one line for each code)


class S3Error(Exception):
    """An error answered to the client. Keywords become elements of the answer's XML.

    `headers` are added to the answer; the status and message default to the code's own.
    """

    code = "InternalError"
    status = 500
    message = "We encountered an internal error. Please try again."

    def __init__(
        self,
        message: str | None = None,
        /,
        *,
        headers: dict[str, str] | None = None,
        **details: str,
    ) -> None:
        super().__init__(message or self.message)
        if message is not None:
            self.message = message
        self.headers = headers or {}
        self.details = details


def code(name: str, status: int, message: str) -> type[S3Error]:
    """Declare one error code of S3."""
    members = {"code": name, "status": status, "message": message}
    return type(name.replace(".", ""), (S3Error,), members)


# fmt: off
AccessControlListNotSupported = code("AccessControlListNotSupported", 400, "The bucket does not allow ACLs")
AccessDenied = code("AccessDenied", 403, "Access Denied")
AccessForbidden = code("AccessForbidden", 403, "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.")
AccessPointAlreadyOwnedByYou = code("AccessPointAlreadyOwnedByYou", 409, "An access point with an identical name already exists in your account.")
AccountProblem = code("AccountProblem", 403, "There is a problem with your account that prevents the operation from completing successfully.")
AllAccessDisabled = code("AllAccessDisabled", 403, "All access to this Amazon S3 resource has been disabled.")
AmbiguousGrantByEmailAddress = code("AmbiguousGrantByEmailAddress", 400, "The email address you provided is associated with more than one account.")
AuthorizationHeaderMalformed = code("AuthorizationHeaderMalformed", 400, "The authorization header that you provided is not valid.")
AuthorizationQueryParametersError = code("AuthorizationQueryParametersError", 400, "The authorization query parameters that you provided are not valid.")
BadDigest = code("BadDigest", 400, "The Content-MD5 or checksum value that you specified did not match what the server received.")
BadRequest = code("BadRequest", 400, "Bad Request")
BucketAlreadyExists = code("BucketAlreadyExists", 409, "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.")
BucketAlreadyOwnedByYou = code("BucketAlreadyOwnedByYou", 409, "Your previous request to create the named bucket succeeded and you already own it.")
BucketHasAccessPointsAttached = code("BucketHasAccessPointsAttached", 400, "The bucket you are trying to delete has access points attached. Delete your access points before deleting this bucket.")
BucketNotEmpty = code("BucketNotEmpty", 409, "The bucket you tried to delete is not empty")
ConditionalRequestConflict = code("ConditionalRequestConflict", 409, "The conditional request cannot succeed due to a conflicting operation against this resource.")
ConnectionClosedByRequester = code("ConnectionClosedByRequester", 400, "The connection was closed by the requester.")
CredentialsNotSupported = code("CredentialsNotSupported", 400, "This request does not support credentials.")
CrossLocationLoggingProhibited = code("CrossLocationLoggingProhibited", 403, "Cross-location logging not allowed. Buckets in one geographic location cannot log information to a bucket in another location.")
DeviceNotActiveError = code("DeviceNotActiveError", 400, "The device is not currently active.")
EncryptionTypeMismatch = code("EncryptionTypeMismatch", 400, "The encryption type of the object does not match that of the request.")
EndpointNotFound = code("EndpointNotFound", 400, "Direct requests to the correct endpoint.")
EntityTooLarge = code("EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size")
EntityTooSmall = code("EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size")
ExpiredToken = code("ExpiredToken", 400, "The provided token has expired.")
HeadersNotSigned = code("HeadersNotSigned", 403, "There were headers present in the request which were not signed")
IdempotencyException = code("IdempotencyException", 400, "A request with the same idempotency token and other parameters has been received already.")
IllegalLocationConstraintException = code("IllegalLocationConstraintException", 400, "The specified location constraint is incompatible for the region specific endpoint this request was sent to.")
IllegalVersioningConfigurationException = code("IllegalVersioningConfigurationException", 400, "The versioning configuration specified in the request is invalid.")
IncompleteBody = code("IncompleteBody", 400, "You did not provide the number of bytes specified by the Content-Length HTTP header")
IncorrectEndpoint = code("IncorrectEndpoint", 400, "The specified bucket exists in another Region. Direct requests to the correct endpoint.")
IncorrectNumberOfFilesInPostRequest = code("IncorrectNumberOfFilesInPostRequest", 400, "POST requires exactly one file upload per request.")
InlineDataTooLarge = code("InlineDataTooLarge", 400, "The inline data exceeds the maximum allowed size.")
InsufficientStorage = code("InsufficientStorage", 507, "There is not enough free space to store this object.")
InternalError = code("InternalError", 500, S3Error.message)
InvalidAccessKeyId = code("InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records.")
InvalidAccessPoint = code("InvalidAccessPoint", 400, "The specified access point name or account is not valid.")
InvalidAccessPointAliasError = code("InvalidAccessPointAliasError", 400, "The specified access point alias name is not valid.")
InvalidAddressingHeader = code("InvalidAddressingHeader", 400, "You must specify the Anonymous role.")
InvalidArgument = code("InvalidArgument", 400, "Invalid Argument")
InvalidBucketAclWithObjectOwnership = code("InvalidBucketAclWithObjectOwnership", 400, "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting")
InvalidBucketName = code("InvalidBucketName", 400, "The specified bucket is not valid.")
InvalidBucketOwnerAWSAccountID = code("InvalidBucketOwnerAWSAccountID", 400, "The value of the expected bucket owner parameter must be an AWS account ID.")
InvalidBucketState = code("InvalidBucketState", 409, "The request is not valid with the current state of the bucket.")
InvalidChunkSizeError = code("InvalidChunkSizeError", 403, "Only the last chunk is allowed to have a size less than 8192 bytes")
InvalidDigest = code("InvalidDigest", 400, "The Content-MD5 or checksum value you specified is not valid.")
InvalidEncryptionAlgorithmError = code("InvalidEncryptionAlgorithmError", 400, "The encryption request you specified is not valid. The valid value is AES256.")
InvalidHostHeader = code("InvalidHostHeader", 400, "The host headers provided in the request used the incorrect style addressing.")
InvalidHttpMethod = code("InvalidHttpMethod", 400, "The request was made using an unexpected HTTP method.")
InvalidLocationConstraint = code("InvalidLocationConstraint", 400, "The specified location-constraint is not valid")
InvalidObjectState = code("InvalidObjectState", 403, "The operation is not valid for the object's storage class")
InvalidPart = code("InvalidPart", 400, "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.")
InvalidPartNumber = code("InvalidPartNumber", 416, "The requested partnumber is not satisfiable")
InvalidPartOrder = code("InvalidPartOrder", 400, "The list of parts was not in ascending order. Parts must be ordered by part number.")
InvalidPayer = code("InvalidPayer", 403, "All access to this object has been disabled.")
InvalidPolicyDocument = code("InvalidPolicyDocument", 400, "The content of the form does not meet the conditions specified in the policy document.")
InvalidRange = code("InvalidRange", 416, "The requested range is not satisfiable")
InvalidRegion = code("InvalidRegion", 403, "You've attempted to create a Multi-Region Access Point in a Region that you haven't opted in to.")
InvalidRequest = code("InvalidRequest", 400, "Invalid Request")
InvalidSOAPRequest = code("InvalidSOAPRequest", 400, "The SOAP request body is invalid.")
InvalidSecurity = code("InvalidSecurity", 403, "The provided security credentials are not valid.")
InvalidSessionException = code("InvalidSessionException", 400, "The session does not exist, because it timed out or expired.")
InvalidSignature = code("InvalidSignature", 400, "The request signature that the server calculated does not match the signature that you provided.")
InvalidStorageClass = code("InvalidStorageClass", 400, "The storage class you specified is not valid")
InvalidTag = code("InvalidTag", 400, "The tag provided was not a valid tag. This error can occur if the tag did not pass input validation.")
InvalidTargetBucketForLogging = code("InvalidTargetBucketForLogging", 400, "The target bucket for logging either does not exist, is not owned by you, or does not have the appropriate grants for the log-delivery group.")
InvalidToken = code("InvalidToken", 400, "The provided token is malformed or otherwise not valid.")
InvalidURI = code("InvalidURI", 400, "Couldn't parse the specified URI.")
KMSDisabledException = code("KMS.DisabledException", 400, "The request was rejected because the specified KMS key is not enabled.")
KMSInvalidKeyUsageException = code("KMSInvalidKeyUsageException", 400, "The request was rejected because the KMS key is not compatible with the operation.")
KMSInvalidStateException = code("KMSInvalidStateException", 400, "The request was rejected because the state of the specified KMS key is not valid for it.")
KMSNotFoundException = code("KMS.NotFoundException", 400, "The request was rejected because the specified KMS key could not be found.")
KeyTooLongError = code("KeyTooLongError", 400, "Your key is too long")
MalformedACLError = code("MalformedACLError", 400, "The XML you provided was not well-formed or did not validate against our published schema")
MalformedPOSTRequest = code("MalformedPOSTRequest", 400, "The body of your POST request is not well-formed multipart/form-data.")
MalformedPolicy = code("MalformedPolicy", 400, "Policy has invalid resource")
MalformedTrailerError = code("MalformedTrailerError", 400, "The request contained trailing data that was not well-formed or did not conform to our published schema.")
MalformedXML = code("MalformedXML", 400, "The XML you provided was not well-formed or did not validate against our published schema")
MaxMessageLengthExceeded = code("MaxMessageLengthExceeded", 400, "Your request was too big.")
MaxPostPreDataLengthExceededError = code("MaxPostPreDataLengthExceededError", 400, "Your POST request fields preceding the upload file were too large.")
MetadataTooLarge = code("MetadataTooLarge", 400, "Your metadata headers exceed the maximum allowed metadata size")
MethodNotAllowed = code("MethodNotAllowed", 405, "The specified method is not allowed against this resource.")
MissingAttachment = code("MissingAttachment", 400, "A SOAP attachment was expected, but none was found.")
MissingAuthenticationToken = code("MissingAuthenticationToken", 403, "The request was not signed.")
MissingContentLength = code("MissingContentLength", 411, "You must provide the Content-Length HTTP header.")
MissingRequestBodyError = code("MissingRequestBodyError", 400, "Request body is empty.")
MissingSecurityElement = code("MissingSecurityElement", 400, "The SOAP 1.1 request is missing a security element.")
MissingSecurityHeader = code("MissingSecurityHeader", 400, "Your request was missing a required header")
NoLoggingStatusForKey = code("NoLoggingStatusForKey", 400, "There is no such thing as a logging status subresource for a key.")
NoSuchAccessPoint = code("NoSuchAccessPoint", 404, "The specified access point does not exist.")
NoSuchAsyncRequest = code("NoSuchAsyncRequest", 404, "The specified request was not found.")
NoSuchBucket = code("NoSuchBucket", 404, "The specified bucket does not exist")
NoSuchBucketPolicy = code("NoSuchBucketPolicy", 404, "The bucket policy does not exist")
NoSuchCORSConfiguration = code("NoSuchCORSConfiguration", 404, "The CORS configuration does not exist")
NoSuchConfiguration = code("NoSuchConfiguration", 404, "The specified configuration does not exist.")
NoSuchKey = code("NoSuchKey", 404, "The specified key does not exist.")
NoSuchLifecycleConfiguration = code("NoSuchLifecycleConfiguration", 404, "The lifecycle configuration does not exist")
NoSuchMultiRegionAccessPoint = code("NoSuchMultiRegionAccessPoint", 404, "The specified Multi-Region Access Point does not exist.")
NoSuchObjectLockConfiguration = code("NoSuchObjectLockConfiguration", 404, "The specified object does not have a ObjectLock configuration")
NoSuchPublicAccessBlockConfiguration = code("NoSuchPublicAccessBlockConfiguration", 404, "The public access block configuration was not found")
NoSuchTagSet = code("NoSuchTagSet", 404, "The TagSet does not exist")
NoSuchUpload = code("NoSuchUpload", 404, "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.")
NoSuchVersion = code("NoSuchVersion", 404, "The specified version does not exist.")
NoSuchWebsiteConfiguration = code("NoSuchWebsiteConfiguration", 404, "The specified bucket does not have a website configuration")
NotDeviceOwnerError = code("NotDeviceOwnerError", 400, "The device that generated the token is not owned by the authenticated user.")
NotFound = code("NotFound", 404, "Not Found")
NotImplemented = code("NotImplemented", 501, "A header you provided implies functionality that is not implemented")  # noqa: A001
NotModified = code("NotModified", 304, "Not Modified")
NotSignedUp = code("NotSignedUp", 403, "Your account is not signed up for the Amazon S3 service.")
ObjectAlreadyInActiveTierError = code("ObjectAlreadyInActiveTierError", 403, "This object is already in the active tier and does not need to be restored.")
ObjectLockConfigurationNotFoundError = code("ObjectLockConfigurationNotFoundError", 404, "Object Lock configuration does not exist for this bucket")
ObjectNotInActiveTierError = code("ObjectNotInActiveTierError", 403, "The source object of the COPY operation is not in the active tier.")
OperationAborted = code("OperationAborted", 409, "A conflicting conditional operation is currently in progress against this resource. Please try again.")
OwnershipControlsNotFoundError = code("OwnershipControlsNotFoundError", 404, "The bucket ownership controls were not found")
PermanentRedirect = code("PermanentRedirect", 301, "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.")
PermanentRedirectControlError = code("PermanentRedirectControlError", 301, "The API operation you are attempting to access must be addressed using the specified endpoint.")
PreconditionFailed = code("PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold")
QuotaExceeded = code("QuotaExceeded", 403, "The quota of the bucket or of its owner would be exceeded.")
Redirect = code("Redirect", 307, "Temporary redirect. You are being redirected to the bucket while the DNS server is being updated.")
ReplicationConfigurationNotFoundError = code("ReplicationConfigurationNotFoundError", 404, "The replication configuration was not found")
ReplicationParameterValueError = code("ReplicationParameterValueError", 400, "The request contained an invalid replication parameter.")
RequestBodyCannotBeEmpty = code("RequestBodyCannotBeEmpty", 400, "The request body cannot be empty.")
RequestExpired = code("RequestExpired", 400, "Request has expired")
RequestHeaderSectionTooLarge = code("RequestHeaderSectionTooLarge", 400, "Your request header section exceeds the maximum allowed size.")
RequestIsNotMultiPartContent = code("RequestIsNotMultiPartContent", 400, "A bucket POST request must be of the enclosure-type multipart/form-data.")
RequestTimeTooSkewed = code("RequestTimeTooSkewed", 403, "The difference between the request time and the current time is too large.")
RequestTimeout = code("RequestTimeout", 400, "Your socket connection to the server was not read from or written to within the timeout period.")
RequestTorrentOfBucketError = code("RequestTorrentOfBucketError", 400, "Requesting the torrent file of a bucket is not permitted.")
ResponseInterrupted = code("ResponseInterrupted", 400, "The response was interrupted.")
RestoreAlreadyInProgress = code("RestoreAlreadyInProgress", 409, "Object restore is already in progress.")
ServerSideEncryptionConfigurationNotFoundError = code("ServerSideEncryptionConfigurationNotFoundError", 404, "The server side encryption configuration was not found")
ServiceUnavailable = code("ServiceUnavailable", 503, "Service is unable to handle request.")
SignatureDoesNotMatch = code("SignatureDoesNotMatch", 403, "The request signature we calculated does not match the signature you provided. Check your key and signing method.")
SlowDown = code("SlowDown", 503, "Please reduce your request rate.")
TagPolicyException = code("TagPolicyException", 400, "The tag policy does not allow the specified value for the specified tag key.")
TemporaryRedirect = code("TemporaryRedirect", 307, "Please re-send this request to the specified temporary endpoint. Continue to use the original request endpoint for future requests.")
TokenCodeInvalidError = code("TokenCodeInvalidError", 400, "The serial number or the token code you provided is not valid.")
TokenRefreshRequired = code("TokenRefreshRequired", 400, "The provided token must be refreshed.")
TooManyAccessPoints = code("TooManyAccessPoints", 400, "You have attempted to create more access points than are allowed.")
TooManyBuckets = code("TooManyBuckets", 400, "You have attempted to create more buckets than allowed")
TooManyMultiRegionAccessPointregionsError = code("TooManyMultiRegionAccessPointregionsError", 400, "You have attempted to create a Multi-Region Access Point with more Regions than are allowed.")
TooManyMultiRegionAccessPoints = code("TooManyMultiRegionAccessPoints", 400, "You have attempted to create more Multi-Region Access Points than are allowed.")
TooManyParts = code("TooManyParts", 400, "You have attempted to add more parts than the maximum allowed that are supported.")
UnauthorizedAccessError = code("UnauthorizedAccessError", 403, "You are not authorized to perform this operation")
UnexpectedContent = code("UnexpectedContent", 400, "This request does not support content")
UnexpectedIPError = code("UnexpectedIPError", 403, "This request was rejected because the IP was unexpected.")
UnresolvableGrantByEmailAddress = code("UnresolvableGrantByEmailAddress", 400, "The email address you provided does not match any account on record.")
UnsupportedArgument = code("UnsupportedArgument", 400, "The request contained an unsupported argument.")
UnsupportedSignature = code("UnsupportedSignature", 400, "The provided request is signed with an unsupported STS Token version or the signature version is not supported.")
UserKeyMustBeSpecified = code("UserKeyMustBeSpecified", 400, "The bucket POST must contain the specified field name. If it is specified, check the order of the fields.")
XAmzContentChecksumMismatch = code("XAmzContentChecksumMismatch", 400, "The provided 'x-amz-checksum' header does not match what was computed.")
XAmzContentSHA256Mismatch = code("XAmzContentSHA256Mismatch", 400, "The provided 'x-amz-content-sha256' header does not match what was computed.")
# fmt: on
