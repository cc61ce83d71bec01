"""Inputs, outputs and documents of access control lists."""

from typing import Annotated, ClassVar, Literal

from gateway.ops.shapes.common import BucketInput, ObjectInput, Owner
from gateway.wire.bind import Body, Header, Output, Query
from gateway.wire.documents import Attribute, Document, Element, Elements
from ocean.errors import MalformedACLError

GranteeType = Literal["CanonicalUser", "AmazonCustomerByEmail", "Group"]
PermissionName = Literal["FULL_CONTROL", "WRITE", "WRITE_ACP", "READ", "READ_ACP"]


class Grantee(Document):
    xml_declares: ClassVar[str] = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'

    type: Annotated[GranteeType, Attribute("xsi:type")]
    id: Annotated[str | None, Element("ID")] = None
    display_name: str | None = None
    email_address: str | None = None
    uri: Annotated[str | None, Element("URI")] = None


class Grant(Document):
    grantee: Grantee
    permission: PermissionName


class AccessControlPolicy(Document):
    owner: Owner
    grants: Annotated[tuple[Grant, ...], Elements("AccessControlList", "Grant")]


class GetBucketAclInput(BucketInput):
    pass


class GetBucketAclOutput(Output):
    document: Annotated[AccessControlPolicy, Body()]


class PutBucketAclInput(BucketInput):
    acl: Annotated[str | None, Header("x-amz-acl")] = None
    content_md5: Annotated[str | None, Header("Content-MD5")] = None
    checksum_algorithm: Annotated[str | None, Header("x-amz-sdk-checksum-algorithm")] = None
    access_control_policy: Annotated[
        AccessControlPolicy | None, Body(malformed=MalformedACLError)
    ] = None


class GetObjectAclInput(ObjectInput):
    version_id: Annotated[str | None, Query("versionId")] = None


class GetObjectAclOutput(Output):
    document: Annotated[AccessControlPolicy, Body()]


class PutObjectAclInput(ObjectInput):
    acl: Annotated[str | None, Header("x-amz-acl")] = None
    version_id: Annotated[str | None, Query("versionId")] = None
    content_md5: Annotated[str | None, Header("Content-MD5")] = None
    checksum_algorithm: Annotated[str | None, Header("x-amz-sdk-checksum-algorithm")] = None
    access_control_policy: Annotated[
        AccessControlPolicy | None, Body(malformed=MalformedACLError)
    ] = None
