"""What tests of access control say again and again: who may what, grants, statements."""

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from tests.s3.store import Answer, Client

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
AUTHENTICATED = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"
ACP = frozenset({"READ_ACP", "WRITE_ACP"})
Call = Callable[..., Any]
Grants = set[tuple[str, str]]
Statement = dict[str, Any]
Condition = dict[str, Any]


def canonical_id(client: Client) -> str:
    """The canonical id of the account that signs."""
    return str(client.list_buckets()["Owner"]["ID"])


def user_name(client: Client) -> str:
    """The name of the user who signs, which its display name is."""
    return str(client.list_buckets()["Owner"]["DisplayName"])


def allowed(call: Call, /, **options: Any) -> bool:
    """Whether a call is answered; False if access is denied, all other errors are raised."""
    try:
        call(**options)
    except ClientError as error:
        if error.response["Error"]["Code"] in {"AccessDenied", "403"}:  # no body answers a HEAD
            return False
        raise
    return True


def answered(answer: Answer) -> bool:
    """The same of a plain request: whether it is answered, or denied and nothing else."""
    assert answer.status in {200, 204, 403}, answer
    assert answer.status != 403 or b"<Code>AccessDenied</Code>" in answer.body, answer
    return answer.status != 403


# -- access control lists ---------------------------------------------------------------------


def grants(acl: Mapping[str, Any]) -> Grants:
    """Grantee and permission of each grant in the answer to GetBucketAcl or GetObjectAcl."""
    found = [(one["Grantee"], one["Permission"]) for one in acl["Grants"]]
    pairs = {(grantee.get("ID") or grantee["URI"], permission) for grantee, permission in found}
    assert len(pairs) == len(found), acl
    return pairs


def document(acl: Mapping[str, Any]) -> dict[str, Any]:
    """The part of that answer that can be put."""
    return {name: acl[name] for name in ("Owner", "Grants")}


def grant(permission: str, **grantee: str) -> dict[str, Any]:
    """A grant to an ID, a URI or an EmailAddress."""
    kinds = {"ID": "CanonicalUser", "URI": "Group", "EmailAddress": "AmazonCustomerByEmail"}
    (kind,) = grantee
    return {"Grantee": {"Type": kinds[kind], **grantee}, "Permission": permission}


def one_grant(permission: str, **grantee: str) -> dict[str, Any]:
    """What to put as an ACL by a document with one grant; `stated_by` says whose it is."""
    return {"AccessControlPolicy": {"Grants": [grant(permission, **grantee)]}}


def stated_by(client: Client, options: Mapping[str, Any]) -> dict[str, Any]:
    """The same, in the name of this client's account if the document names no owner yet."""
    stated = options.get("AccessControlPolicy")
    if stated is None:
        return dict(options)
    return {**options, "AccessControlPolicy": {"Owner": {"ID": canonical_id(client)}, **stated}}


def bucket_rights(owner: Client, who: Client, bucket: str) -> set[str]:
    """The permissions that `who` has in effect on the owner's bucket; its ACL stays as it is."""
    same = document(owner.get_bucket_acl(Bucket=bucket))
    tried = {
        "READ": allowed(who.list_objects_v2, Bucket=bucket),
        "WRITE": allowed(who.put_object, Bucket=bucket, Key=uuid.uuid4().hex, Body=b"tried"),
        "READ_ACP": allowed(who.get_bucket_acl, Bucket=bucket),
        "WRITE_ACP": allowed(who.put_bucket_acl, Bucket=bucket, AccessControlPolicy=same),
    }
    return {name for name, may in tried.items() if may}


def object_rights(owner: Client, who: Client, **at: str) -> set[str]:
    """The permissions that `who` has in effect on the owner's object; its ACL stays as it is."""
    same = document(owner.get_object_acl(**at))
    tried = {
        "READ": allowed(who.get_object, **at),
        "READ_ACP": allowed(who.get_object_acl, **at),
        "WRITE_ACP": allowed(who.put_object_acl, **at, AccessControlPolicy=same),
    }
    return {name for name, may in tried.items() if may}


# -- policies ---------------------------------------------------------------------------------


def allow(bucket: str, *actions: str, **more: Any) -> Statement:
    """A statement that allows everybody the actions on a bucket and its keys, if `more` agrees."""
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    stated = {"Effect": "Allow", "Principal": "*", "Action": list(actions), "Resource": resources}
    return {name: value for name, value in (stated | more).items() if value is not None}


def deny(bucket: str, *actions: str, **more: Any) -> Statement:
    """Like `allow`, but it denies."""
    return allow(bucket, *actions, **{"Effect": "Deny", **more})


def on(operator: str, key: str, *values: Any) -> Condition:
    """A condition of one operator on one key."""
    return {operator: {key: list(values)}}


def policy(*statements: Statement) -> str:
    """The JSON of a policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def put_policy(client: Client, bucket: str, *statements: Statement, **options: Any) -> None:
    """Make these statements the bucket's policy."""
    client.put_bucket_policy(Bucket=bucket, Policy=policy(*statements), **options)
