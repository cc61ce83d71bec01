"""All operations of S3; importing this package declares them."""

from gateway.operations import s3
from gateway.ops import (
    acl,
    buckets,
    copying,
    cors,
    deleting,
    encryption,
    lifecycle,
    listing,
    locking,
    multipart,
    objects,
    planned,
    policy,
    postform,
    service,
    tagging,
)

__all__ = [
    "acl",
    "buckets",
    "copying",
    "cors",
    "deleting",
    "encryption",
    "lifecycle",
    "listing",
    "locking",
    "multipart",
    "objects",
    "planned",
    "policy",
    "postform",
    "s3",
    "service",
    "tagging",
]
