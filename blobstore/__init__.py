"""Immutable blobs in pools: framed, checksummed, durable."""

from blobstore.base import (
    BlobError,
    BlobStore,
    Buffer,
    Corrupt,
    Exists,
    Failed,
    Full,
    NotFound,
    Unavailable,
)
from blobstore.blobs import Blobs, Writer
from blobstore.extents import Extent, Layout, Place, Slice, cut
from blobstore.frames import Damage, Needle
from blobstore.ids import BlobName, BlobNames
from blobstore.layout import UnknownFormat, open_files

__all__ = [
    "BlobError",
    "BlobName",
    "BlobNames",
    "BlobStore",
    "Blobs",
    "Buffer",
    "Corrupt",
    "Damage",
    "Exists",
    "Extent",
    "Failed",
    "Full",
    "Layout",
    "Needle",
    "NotFound",
    "Place",
    "Slice",
    "Unavailable",
    "UnknownFormat",
    "Writer",
    "cut",
    "open_files",
]
