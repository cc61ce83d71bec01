// Uploads streams of unknown length into BUCKET: SIZE bytes of a known pattern each.

import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { GetObjectCommand, ListMultipartUploadsCommand } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { clientOf, contentOf, tell } from "./client.js";

const [Bucket, ...sizes] = process.argv.slice(2);
const client = clientOf();
const pattern = Buffer.from(Array.from({ length: 251 }, (_, index) => index));

function* pieces(size) {
  for (let left = size; left > 0; left -= pattern.length) {
    yield pattern.subarray(0, Math.min(left, pattern.length));
  }
}

const seen = {};
for (const size of sizes.map(Number)) {
  const Key = `of ${size}`;
  const told = [];
  const upload = new Upload({
    client,
    params: { Bucket, Key, Body: Readable.from(pieces(size)), Metadata: { size: `${size}` } },
    partSize: 5 << 20,
    queueSize: 3,
  });
  upload.on("httpUploadProgress", ({ loaded }) => told.push(loaded));
  const done = await upload.done();
  assert.equal(Math.max(...told), size);
  assert.equal(done.Key, Key);
  const got = await client.send(new GetObjectCommand({ Bucket, Key }));
  assert.deepEqual([got.ETag, got.Metadata], [done.ETag, { size: `${size}` }]);
  assert.ok((await contentOf(got)).equals(Buffer.concat([...pieces(size)])));
  seen[size] = done.ETag;
}
const left = await client.send(new ListMultipartUploadsCommand({ Bucket }));
assert.equal(left.Uploads, undefined);
tell(seen);
