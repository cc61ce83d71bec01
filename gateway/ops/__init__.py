"""All operations of S3; importing this package declares them."""

from gateway.operations import s3
from gateway.ops import (
    buckets,
    copying,
    cors,
    deleting,
    listing,
    multipart,
    objects,
    planned,
    postform,
    service,
    tagging,
)

__all__ = [
    "buckets",
    "copying",
    "cors",
    "deleting",
    "listing",
    "multipart",
    "objects",
    "planned",
    "postform",
    "s3",
    "service",
    "tagging",
]
