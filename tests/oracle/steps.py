"""The script: two parts, of a bucket without and of one with versions."""

from typing import Any

from tests.oracle.script import Ref, Step, step
from tests.s3.expect import PART, data

_BODY = data(200_000)
_TAGS = {"TagSet": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}
_ONE = data(PART)
_CORS = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAgeSeconds": 5}]}


def _conditions() -> list[Step]:
    etag = Ref("put small.ETag")
    return [
        step("get if-match", "get_object", Key="a/small", IfMatch=etag),
        step("get if-match other", "get_object", Key="a/small", IfMatch='"x"'),
        step("get if-none-match", "get_object", Key="a/small", IfNoneMatch=etag),
        step("get if-none-match other", "get_object", Key="a/small", IfNoneMatch='"x"'),
        step("head if-none-match", "head_object", Key="a/small", IfNoneMatch=etag),
        step("put if-none-match", "put_object", Key="a/small", Body=b"", IfNoneMatch="*"),
        step("put if-match other", "put_object", Key="a/small", Body=b"", IfMatch='"x"'),
        step("put if-match nothing", "put_object", Key="no", Body=b"", IfMatch='"x"'),
    ]


def _ranges() -> list[Step]:
    wanted = ("0-9", "199990-", "-5", "100-1000000", "200000-", "5-2", "0-0")
    return [
        step(f"get range {one}", "get_object", Key="large", Range=f"bytes={one}") for one in wanted
    ]


def _listings() -> list[Step]:
    asked: tuple[dict[str, Any], ...] = (
        {},
        {"Prefix": "a/"},
        {"Delimiter": "/"},
        {"Prefix": "a/", "Delimiter": "/"},
        {"MaxKeys": 2},
        {"Prefix": "none"},
    )
    return [
        step(f"{operation} {given}", operation, **given)
        for operation in ("list_objects", "list_objects_v2", "list_object_versions")
        for given in asked
    ] + [
        step("list_objects after", "list_objects", Marker="a/small"),
        step("list_objects_v2 after", "list_objects_v2", StartAfter="a/small"),
        step("list_objects_v2 max 1", "list_objects_v2", MaxKeys=1),
        step(
            "list_objects_v2 next",
            "list_objects_v2",
            ContinuationToken=Ref("list_objects_v2 max 1.NextContinuationToken"),
        ),
    ]


def _multipart() -> list[Step]:
    named = {"Key": "parts", "UploadId": Ref("create upload.UploadId")}
    parts = [
        {"PartNumber": 1, "ETag": Ref("part 1.ETag")},
        {"PartNumber": 2, "ETag": Ref("part 2.ETag")},
    ]
    return [
        step("create upload", "create_multipart_upload", Key="parts", Metadata={"m": "1"}),
        step("part 1", "upload_part", **named, PartNumber=1, Body=_ONE),
        step("part 2", "upload_part", **named, PartNumber=2, Body=b"end"),
        step("part of no upload", "upload_part", **{**named, "UploadId": "x"}, PartNumber=1),
        step("list parts", "list_parts", **named),
        step("list parts max 1", "list_parts", **named, MaxParts=1),
        step("list uploads", "list_multipart_uploads"),
        step(
            "complete wrong order",
            "complete_multipart_upload",
            **named,
            MultipartUpload={"Parts": parts[::-1]},
        ),
        step(
            "complete wrong etag",
            "complete_multipart_upload",
            **named,
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": '"x"'}]},
        ),
        step("complete", "complete_multipart_upload", **named, MultipartUpload={"Parts": parts}),
        step("head parts", "head_object", Key="parts"),
        step("get part 2", "get_object", Key="parts", PartNumber=2),
        step(
            "attributes of parts",
            "get_object_attributes",
            Key="parts",
            ObjectAttributes=["ETag", "ObjectSize", "StorageClass"],
        ),
        step("list parts of done", "list_parts", **named),
        step("abort done", "abort_multipart_upload", **named),
        step("create another", "create_multipart_upload", Key="x"),
        step("abort", "abort_multipart_upload", Key="x", UploadId=Ref("create another.UploadId")),
        step("abort nothing", "abort_multipart_upload", Key="x", UploadId="none"),
        step("list no uploads", "list_multipart_uploads"),
    ]


def _puts() -> list[Step]:
    return [
        step(
            "put small",
            "put_object",
            Key="a/small",
            Body=b"small",
            ContentType="text/plain",
            CacheControl="no-cache",
            ContentDisposition="inline",
            ContentLanguage="de",
            Metadata={"k": "v"},
        ),
        step("get small", "get_object", Key="a/small"),
        step("head small", "head_object", Key="a/small"),
        step("put large", "put_object", Key="large", Body=_BODY),
        step("put empty", "put_object", Key="a/b/empty", Body=b""),
        step("put odd", "put_object", Key="ü +%", Body=b"odd"),
        step("get odd", "get_object", Key="ü +%"),
    ]


def _refusals() -> list[Step]:
    return [
        step("get override", "get_object", Key="large", ResponseContentType="x/y"),
        step("get missing", "get_object", Key="no"),
        step("head missing", "head_object", Key="no"),
        step("get missing version", "get_object", Key="no", VersionId="0" * 40),
        step(
            "put bad md5", "put_object", Key="bad", Body=b"x", ContentMD5="AAAAAAAAAAAAAAAAAAAAAA=="
        ),
        step("delete bad", "delete_object", Key="bad"),
    ]


def _copies_and_tags() -> list[Step]:
    return [
        step("put sha256", "put_object", Key="sum", Body=b"x", ChecksumAlgorithm="SHA256"),
        step("head sum", "head_object", Key="sum", ChecksumMode="ENABLED"),
        step("copy", "copy_object", Key="copy", CopySource="BUCKET/a/small"),
        step("head copy", "head_object", Key="copy"),
        step(
            "copy replace",
            "copy_object",
            Key="copy",
            CopySource="BUCKET/a/small",
            MetadataDirective="REPLACE",
            Metadata={"n": "w"},
        ),
        step("head replaced", "head_object", Key="copy"),
        step("copy onto itself", "copy_object", Key="copy", CopySource="BUCKET/copy"),
        step("copy missing", "copy_object", Key="copy", CopySource="BUCKET/no"),
        step("tag", "put_object_tagging", Key="large", Tagging=_TAGS),
        step("tags", "get_object_tagging", Key="large"),
        step("untag", "delete_object_tagging", Key="large"),
        step("no tags", "get_object_tagging", Key="large"),
        step("tag missing", "put_object_tagging", Key="no", Tagging=_TAGS),
    ]


def _configuration() -> list[Step]:
    return [
        step("bucket tags none", "get_bucket_tagging"),
        step("bucket tag", "put_bucket_tagging", Tagging=_TAGS),
        step("bucket tags", "get_bucket_tagging"),
        step("bucket untag", "delete_bucket_tagging"),
        step("cors none", "get_bucket_cors"),
        step("put cors", "put_bucket_cors", CORSConfiguration=_CORS),
        step("cors", "get_bucket_cors"),
        step("delete cors", "delete_bucket_cors"),
    ]


def _deletions() -> list[Step]:
    return [
        step("delete bucket with objects", "delete_bucket"),
        step("delete", "delete_object", Key="large"),
        step("delete missing", "delete_object", Key="no"),
        step(
            "delete many",
            "delete_objects",
            Delete={
                "Objects": [
                    {"Key": key}
                    for key in ("a/small", "a/b/empty", "ü +%", "sum", "copy", "parts", "no")
                ]
            },
        ),
        step("list nothing", "list_objects_v2"),
        step("delete bucket", "delete_bucket"),
        step("head bucket gone", "head_bucket"),
        step("put into nothing", "put_object", Key="x", Body=b""),
    ]


def plain() -> list[Step]:
    """A bucket that never had versions."""
    return [
        step("create", "create_bucket"),
        step("head bucket", "head_bucket"),
        step("location", "get_bucket_location"),
        step("versioning", "get_bucket_versioning"),
        *_puts(),
        *_ranges(),
        step("get empty range", "get_object", Key="a/b/empty", Range="bytes=0-0"),
        *_conditions(),
        *_refusals(),
        *_copies_and_tags(),
        *_listings(),
        *_multipart(),
        *_configuration(),
        *_deletions(),
    ]


def versions() -> list[Step]:
    """A bucket through all states of its versioning."""
    enabled, suspended = {"Status": "Enabled"}, {"Status": "Suspended"}
    return [
        step("create", "create_bucket"),
        step("put before", "put_object", Key="k", Body=b"before"),
        step("enable", "put_bucket_versioning", VersioningConfiguration=enabled),
        step("versioning", "get_bucket_versioning"),
        step("put 1", "put_object", Key="k", Body=b"1"),
        step("put 2", "put_object", Key="k", Body=b"2"),
        step("put other", "put_object", Key="k2", Body=b"other"),
        step("get", "get_object", Key="k"),
        step("get 1", "get_object", Key="k", VersionId=Ref("put 1.VersionId")),
        step("get null", "get_object", Key="k", VersionId="null"),
        step("list", "list_object_versions"),
        step("list prefix", "list_object_versions", Prefix="k2"),
        step("delete", "delete_object", Key="k"),
        step("get deleted", "get_object", Key="k"),
        step("head deleted", "head_object", Key="k"),
        step("get marker", "get_object", Key="k", VersionId=Ref("delete.VersionId")),
        step("head marker", "head_object", Key="k", VersionId=Ref("delete.VersionId")),
        step("list deleted", "list_object_versions"),
        step("list objects", "list_objects_v2"),
        step(
            "copy version",
            "copy_object",
            Key="c",
            CopySource={"Bucket": "BUCKET", "Key": "k", "VersionId": Ref("put 1.VersionId")},
        ),
        step("undelete", "delete_object", Key="k", VersionId=Ref("delete.VersionId")),
        step("get undeleted", "get_object", Key="k"),
        step("delete version", "delete_object", Key="k", VersionId=Ref("put 2.VersionId")),
        step("get after", "get_object", Key="k"),
        step(
            "tag version",
            "put_object_tagging",
            Key="k",
            Tagging=_TAGS,
            VersionId=Ref("put 1.VersionId"),
        ),
        step("tags of version", "get_object_tagging", Key="k", VersionId=Ref("put 1.VersionId")),
        step("suspend", "put_bucket_versioning", VersioningConfiguration=suspended),
        step("put suspended", "put_object", Key="k", Body=b"suspended"),
        step("get suspended", "get_object", Key="k"),
        step("get null after", "get_object", Key="k", VersionId="null"),
        step("delete suspended", "delete_object", Key="k"),
        step("get gone", "get_object", Key="k"),
        step("list suspended", "list_object_versions", Prefix="k"),
        step(
            "delete many",
            "delete_objects",
            Delete={"Objects": [{"Key": "k", "VersionId": Ref("put 1.VersionId")}, {"Key": "k2"}]},
        ),
        step("delete nothing", "delete_object", Key="none"),
        step("delete bucket", "delete_bucket"),
    ]
