"""Which actions take which condition keys, as S3 checks it of a bucket policy that is put. Pure.

No part of reading a policy, for one that was stored before and could not be read any more would
deny everything.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from ocean.errors import MalformedPolicy
from ocean.rules.policy import keys
from ocean.rules.policy.actions import ACTIONS
from ocean.rules.policy.document import Document, Statement

_CREATING = frozenset({"s3:CreateBucket"})
_LISTING = frozenset({"s3:ListBucket", "s3:ListBucketVersions"})
# S3 takes with BypassGovernanceRetention what the write takes that goes with it.
_WRITING = frozenset({"s3:BypassGovernanceRetention", "s3:PutObject"})
_TAGGING = _WRITING | {"s3:PutObjectTagging", "s3:PutObjectVersionTagging"}
_ENCRYPTING = _WRITING | {"s3:ReplicateObject", "s3:UpdateObjectEncryption"}
_OBJECT_ACLS = frozenset({"s3:PutObjectAcl", "s3:PutObjectVersionAcl"})
_GRANTING = _WRITING | _OBJECT_ACLS | _CREATING | {"s3:PutBucketAcl"}
_ANNOTATIONS = frozenset({"s3:ListObjectAnnotations", "s3:ListObjectVersionAnnotations"})
_TAGGED = (
    _OBJECT_ACLS
    | _ANNOTATIONS
    | {"s3:UpdateObjectEncryption"}
    | {
        f"s3:{verb}{kind}{part}"
        for kind in ("Object", "ObjectVersion")
        for verb, parts in (
            ("Get", ("", "Acl", "Annotation", "Attributes", "Tagging")),
            ("Put", ("Annotation", "Tagging")),
            ("Delete", ("Annotation", "Tagging")),
        )
        for part in parts
    }
)

TAKEN_BY = {
    keys.EXISTING_OBJECT_TAG: _TAGGED,
    "s3:annotation-prefix": _ANNOTATIONS,
    "s3:delimiter": _LISTING,
    "s3:if-match": frozenset({"s3:DeleteObject", "s3:PutObject"}),
    "s3:if-none-match": frozenset({"s3:PutObject"}),
    "s3:locationconstraint": _CREATING,
    "s3:max-annotation-results": _ANNOTATIONS,
    "s3:max-keys": _LISTING,
    "s3:object-lock-legal-hold": _WRITING | {"s3:PutObjectLegalHold"},
    "s3:object-lock-mode": _WRITING | {"s3:PutObjectRetention"},
    "s3:object-lock-remaining-retention-days": _WRITING | {"s3:PutObjectRetention"},
    "s3:object-lock-retain-until-date": _WRITING | {"s3:PutObjectRetention"},
    "s3:objectcreationoperation": frozenset({"s3:PutObject"}),
    "s3:prefix": _LISTING,
    "s3:requestobjecttag/": _TAGGING,
    "s3:requestobjecttagkeys": _TAGGING,
    "s3:versionid": frozenset(one for one in ACTIONS if "ObjectVersion" in one),
    "s3:x-amz-acl": _GRANTING,
    "s3:x-amz-bucket-namespace": _CREATING,
    "s3:x-amz-copy-source": _WRITING,
    "s3:x-amz-grant-full-control": _GRANTING,
    "s3:x-amz-grant-read": _GRANTING,
    "s3:x-amz-grant-read-acp": _GRANTING,
    "s3:x-amz-grant-write": _GRANTING,
    "s3:x-amz-grant-write-acp": _GRANTING,
    "s3:x-amz-metadata-directive": _WRITING,
    "s3:x-amz-object-ownership": _CREATING,
    "s3:x-amz-server-side-encryption": _ENCRYPTING,
    "s3:x-amz-server-side-encryption-aws-kms-key-id": _ENCRYPTING,
    "s3:x-amz-server-side-encryption-customer-algorithm": _WRITING | {"s3:ReplicateObject"},
    "s3:x-amz-storage-class": _WRITING | _OBJECT_ACLS,
    "s3:x-amz-website-redirect-location": _WRITING,
}
"""Actions by condition key, as `keys.asked` has it.

A key that is not here applies to all actions, or to nothing that Ocean has.
"""


def check(document: Document) -> None:
    """MalformedPolicy if a statement states something of a key that none of its actions takes."""
    for statement in document.statements:
        if not all(_applies(one.key, statement) for one in statement.conditions):
            raise MalformedPolicy(
                "Conditions do not apply to combination of actions and resources in statement"
            )


def _applies(key: str, statement: Statement) -> bool:
    actions = TAKEN_BY.get(keys.asked(key))
    return actions is None or not actions.isdisjoint(statement.actions)
