"""Operations of S3 that are known and not built: each answers NotImplemented with its name.

When one is built, its line moves to the file of its group. Left out are the deprecated twins that
share a URI with their successors (GetBucketLifecycle, PutBucketLifecycle, GetBucketNotification,
PutBucketNotification), ListDirectoryBuckets, which shares that of ListBuckets, and
WriteGetObjectResponse, which has an endpoint of its own.
"""

from gateway.operations import s3

# ruff: noqa: E501  (a table: one line for each operation)
# fmt: off
s3.planned("GetBucketAbac", "GET", "/{Bucket}?abac")
s3.planned("PutBucketAbac", "PUT", "/{Bucket}?abac")
s3.planned("PutBucketAccelerateConfiguration", "PUT", "/{Bucket}?accelerate", action="s3:PutAccelerateConfiguration")
s3.planned("DeleteBucketAnalyticsConfiguration", "DELETE", "/{Bucket}?analytics", action="s3:PutAnalyticsConfiguration")
s3.planned("GetBucketAnalyticsConfiguration", "GET", "/{Bucket}?analytics", action="s3:GetAnalyticsConfiguration", requires="id")
s3.planned("ListBucketAnalyticsConfigurations", "GET", "/{Bucket}?analytics", action="s3:GetAnalyticsConfiguration")
s3.planned("PutBucketAnalyticsConfiguration", "PUT", "/{Bucket}?analytics", action="s3:PutAnalyticsConfiguration")
s3.planned("DeleteBucketIntelligentTieringConfiguration", "DELETE", "/{Bucket}?intelligent-tiering", action="s3:PutIntelligentTieringConfiguration")
s3.planned("GetBucketIntelligentTieringConfiguration", "GET", "/{Bucket}?intelligent-tiering", action="s3:GetIntelligentTieringConfiguration", requires="id")
s3.planned("ListBucketIntelligentTieringConfigurations", "GET", "/{Bucket}?intelligent-tiering", action="s3:GetIntelligentTieringConfiguration")
s3.planned("PutBucketIntelligentTieringConfiguration", "PUT", "/{Bucket}?intelligent-tiering", action="s3:PutIntelligentTieringConfiguration")
s3.planned("DeleteBucketInventoryConfiguration", "DELETE", "/{Bucket}?inventory", action="s3:PutInventoryConfiguration")
s3.planned("GetBucketInventoryConfiguration", "GET", "/{Bucket}?inventory", action="s3:GetInventoryConfiguration", requires="id")
s3.planned("ListBucketInventoryConfigurations", "GET", "/{Bucket}?inventory", action="s3:GetInventoryConfiguration")
s3.planned("PutBucketInventoryConfiguration", "PUT", "/{Bucket}?inventory", action="s3:PutInventoryConfiguration")
s3.planned("GetBucketLogging", "GET", "/{Bucket}?logging")
s3.planned("PutBucketLogging", "PUT", "/{Bucket}?logging")
s3.planned("UpdateBucketMetadataAnnotationTableConfiguration", "PUT", "/{Bucket}?metadataAnnotationTable")
s3.planned("CreateBucketMetadataConfiguration", "POST", "/{Bucket}?metadataConfiguration", action="s3:CreateBucketMetadataTableConfiguration")
s3.planned("DeleteBucketMetadataConfiguration", "DELETE", "/{Bucket}?metadataConfiguration", action="s3:DeleteBucketMetadataTableConfiguration")
s3.planned("GetBucketMetadataConfiguration", "GET", "/{Bucket}?metadataConfiguration", action="s3:GetBucketMetadataTableConfiguration")
s3.planned("UpdateBucketMetadataInventoryTableConfiguration", "PUT", "/{Bucket}?metadataInventoryTable")
s3.planned("UpdateBucketMetadataJournalTableConfiguration", "PUT", "/{Bucket}?metadataJournalTable")
s3.planned("CreateBucketMetadataTableConfiguration", "POST", "/{Bucket}?metadataTable")
s3.planned("DeleteBucketMetadataTableConfiguration", "DELETE", "/{Bucket}?metadataTable")
s3.planned("GetBucketMetadataTableConfiguration", "GET", "/{Bucket}?metadataTable")
s3.planned("DeleteBucketMetricsConfiguration", "DELETE", "/{Bucket}?metrics", action="s3:PutMetricsConfiguration")
s3.planned("GetBucketMetricsConfiguration", "GET", "/{Bucket}?metrics", action="s3:GetMetricsConfiguration", requires="id")
s3.planned("ListBucketMetricsConfigurations", "GET", "/{Bucket}?metrics", action="s3:GetMetricsConfiguration")
s3.planned("PutBucketMetricsConfiguration", "PUT", "/{Bucket}?metrics", action="s3:PutMetricsConfiguration")
s3.planned("GetBucketNotificationConfiguration", "GET", "/{Bucket}?notification", action="s3:GetBucketNotification")
s3.planned("PutBucketNotificationConfiguration", "PUT", "/{Bucket}?notification", action="s3:PutBucketNotification")
s3.planned("DeleteBucketReplication", "DELETE", "/{Bucket}?replication", action="s3:PutReplicationConfiguration")
s3.planned("GetBucketReplication", "GET", "/{Bucket}?replication", action="s3:GetReplicationConfiguration")
s3.planned("PutBucketReplication", "PUT", "/{Bucket}?replication", action="s3:PutReplicationConfiguration")
s3.planned("PutBucketRequestPayment", "PUT", "/{Bucket}?requestPayment")
s3.planned("DeleteBucketWebsite", "DELETE", "/{Bucket}?website")
s3.planned("GetBucketWebsite", "GET", "/{Bucket}?website")
s3.planned("PutBucketWebsite", "PUT", "/{Bucket}?website")
s3.planned("CreateSession", "GET", "/{Bucket}?session")

s3.planned("DeleteObjectAnnotation", "DELETE", "/{Bucket}/{Key+}?annotation")
s3.planned("GetObjectAnnotation", "GET", "/{Bucket}/{Key+}?annotation", requires="annotationName")
s3.planned("ListObjectAnnotations", "GET", "/{Bucket}/{Key+}?annotation")
s3.planned("PutObjectAnnotation", "PUT", "/{Bucket}/{Key+}?annotation")
s3.planned("UpdateObjectEncryption", "PUT", "/{Bucket}/{Key+}?encryption")
s3.planned("GetObjectTorrent", "GET", "/{Bucket}/{Key+}?torrent")
s3.planned("RenameObject", "PUT", "/{Bucket}/{Key+}?renameObject", action="s3:PutObject")
s3.planned("RestoreObject", "POST", "/{Bucket}/{Key+}?restore")
s3.planned("SelectObjectContent", "POST", "/{Bucket}/{Key+}?select&select-type=2", action="s3:GetObject")
# fmt: on
