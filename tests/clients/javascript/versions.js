// Versions and tags of BUCKET's objects.

import assert from "node:assert/strict";
import * as s3 from "@aws-sdk/client-s3";
import { clientOf, contentOf, tell } from "./client.js";

const [Bucket] = process.argv.slice(2);
const client = clientOf();
const at = { Bucket, Key: "k" };

await client.send(new s3.CreateBucketCommand({ Bucket }));
await s3.waitUntilBucketExists({ client, maxWaitTime: 9 }, { Bucket });
const VersioningConfiguration = { Status: "Enabled" };
await client.send(new s3.PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
assert.equal((await client.send(new s3.GetBucketVersioningCommand({ Bucket }))).Status, "Enabled");

const ids = [];
for (const Body of ["one", "two"]) {
  ids.push((await client.send(new s3.PutObjectCommand({ ...at, Body, Tagging: "n=1" }))).VersionId);
}
const marker = await client.send(new s3.DeleteObjectCommand(at));
assert.equal(marker.DeleteMarker, true);
await assert.rejects(client.send(new s3.GetObjectCommand(at)), s3.NoSuchKey);
await assert.rejects(client.send(new s3.HeadObjectCommand(at)), s3.NotFound);
const first = await client.send(new s3.GetObjectCommand({ ...at, VersionId: ids[0] }));
assert.equal((await contentOf(first)).toString(), "one");

const Tagging = { TagSet: [{ Key: "a b", Value: "ü+/=" }] };
await client.send(new s3.PutObjectTaggingCommand({ ...at, VersionId: ids[1], Tagging }));
const tags = {};
for (const VersionId of ids) {
  const found = await client.send(new s3.GetObjectTaggingCommand({ ...at, VersionId }));
  tags[VersionId] = found.TagSet;
}
assert.deepEqual(tags, { [ids[0]]: [{ Key: "n", Value: "1" }], [ids[1]]: Tagging.TagSet });

await client.send(new s3.DeleteObjectCommand({ ...at, VersionId: marker.VersionId }));
const back = await client.send(new s3.GetObjectCommand(at));
assert.equal((await contentOf(back)).toString(), "two");
assert.equal(back.TagCount, 1);
await client.send(new s3.DeleteObjectTaggingCommand(at));
assert.deepEqual((await client.send(new s3.GetObjectTaggingCommand(at))).TagSet, []);
tell(ids);
