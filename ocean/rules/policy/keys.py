"""The condition keys that policies may name, and how one is written. Pure.

A key has no case, but for what follows the slash of a key that names a tag.
Sources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

import re

EXISTING_OBJECT_TAG = "s3:existingobjecttag/"

# fmt: off
_S3 = frozenset({
    "s3:accessgrantscope", "s3:accessgrantsinstancearn", "s3:accessgrantslocationscope",
    "s3:accesspointnetworkorigin", "s3:annotation-prefix", "s3:authtype",
    "s3:dataaccesspointaccount", "s3:dataaccesspointarn", "s3:delimiter", "s3:deliverysourcearn",
    "s3:destinationregion", "s3:existingjoboperation", "s3:existingjobpriority", "s3:if-match",
    "s3:if-none-match", "s3:inventoryaccessibleoptionalfields", "s3:isreplicationpauserequest",
    "s3:jobsuspendedcause", "s3:locationconstraint", "s3:logtype", "s3:max-annotation-results",
    "s3:max-keys", "s3:object-lock-legal-hold", "s3:object-lock-mode",
    "s3:object-lock-remaining-retention-days", "s3:object-lock-retain-until-date",
    "s3:objectcreationoperation", "s3:prefix", "s3:requestjoboperation", "s3:requestjobpriority",
    "s3:requestobjecttagkeys", "s3:resourceaccount", "s3:resourcearnbeingauthorized",
    "s3:signatureage", "s3:signatureversion",
    "s3:tlsversion", "s3:versionid", "s3:x-amz-acl", "s3:x-amz-bucket-namespace",
    "s3:x-amz-content-sha256", "s3:x-amz-copy-source", "s3:x-amz-grant-full-control",
    "s3:x-amz-grant-read", "s3:x-amz-grant-read-acp", "s3:x-amz-grant-write",
    "s3:x-amz-grant-write-acp", "s3:x-amz-metadata-directive",
    "s3:x-amz-object-annotation-directive", "s3:x-amz-object-if-match", "s3:x-amz-object-ownership",
    "s3:x-amz-server-side-encryption", "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:x-amz-server-side-encryption-customer-algorithm", "s3:x-amz-storage-class",
    "s3:x-amz-website-redirect-location",
})
_GLOBAL = frozenset({
    "aws:assumedroot", "aws:calledvia", "aws:calledviaawsmcp", "aws:calledviafirst",
    "aws:calledvialast", "aws:chatbotsourcearn", "aws:currenttime",
    "aws:ec2instancesourceprivateipv4", "aws:ec2instancesourcevpc", "aws:epochtime",
    "aws:federatedprovider", "aws:isvpcsourced", "aws:multifactorauthage",
    "aws:multifactorauthpresent", "aws:principalaccount", "aws:principalarn",
    "aws:principalisawsservice", "aws:principalorgid", "aws:principalorgpaths",
    "aws:principalservicename", "aws:principalservicenameslist", "aws:principaltype", "aws:referer",
    "aws:requestedregion", "aws:resourceaccount", "aws:resourceorgid", "aws:resourceorgpaths",
    "aws:securetransport", "aws:sourceaccount", "aws:sourcearn", "aws:sourceidentity",
    "aws:sourceip", "aws:sourceorgid", "aws:sourceorgpaths", "aws:sourceowner", "aws:sourcevpc",
    "aws:sourcevpcarn", "aws:sourcevpce", "aws:tagkeys", "aws:tokenissuetime", "aws:useragent",
    "aws:userid", "aws:username", "aws:viaawsmcpservice", "aws:viaawsservice", "aws:vpceaccount",
    "aws:vpceorgid", "aws:vpceorgpaths", "aws:vpcsourceip",
})
# fmt: on
_TAGS = frozenset(
    {
        EXISTING_OBJECT_TAG,
        "aws:principaltag/",
        "aws:requesttag/",
        "aws:resourcetag/",
        "s3:accesspointtag/",
        "s3:buckettag/",
        "s3:requestobjecttag/",
        "s3:resourcetag/",
    }
)
_FOREIGN = re.compile(r"(?!(?:aws|s3):)[a-z0-9.-]+:.+", re.DOTALL)


def written(key: str) -> str:
    """The key in lower case, with the tag it names, if any, as it is."""
    head, slash, tag = key.partition("/")
    head = head.lower() + slash
    return head + tag if head in _TAGS else key.lower()


def is_known(key: str) -> bool:
    """Whether S3 knows the `written` key."""
    head, slash, tag = key.partition("/")
    return key in _S3 or key in _GLOBAL or (bool(tag) and head + slash in _TAGS)


def is_foreign(key: str) -> bool:
    """Whether the `written` key is of another service, of which S3's requests have none."""
    return _FOREIGN.fullmatch(key) is not None


def asked(key: str) -> str:
    """What must be known to know the value of the `written` key: for a tag, all tags."""
    head, slash, _ = key.partition("/")
    return head + slash if head + slash in _TAGS else key
