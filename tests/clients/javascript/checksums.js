// Puts FILE into BUCKET as a buffer and as streams, and reads it whole and in ranges.

import assert from "node:assert/strict";
import { createReadStream, readFileSync } from "node:fs";
import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { clientOf, contentOf, headersOf, tell } from "./client.js";

const [Bucket, file] = process.argv.slice(2);
const content = readFileSync(file);
const client = clientOf();
const sent = headersOf(client);

async function put(Key, Body, options = {}) {
  sent.length = 0;
  const answer = await client.send(new PutObjectCommand({ Bucket, Key, Body, ...options }));
  return [answer, sent[0]];
}

const [whole, simple] = await put("buffer", content);
assert.equal(simple["x-amz-checksum-crc32"], whole.ChecksumCRC32);

const [streamed, trailed] = await put("stream", createReadStream(file));
assert.equal(trailed["x-amz-content-sha256"], "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
assert.equal(trailed["x-amz-trailer"], "x-amz-checksum-crc32");
assert.equal(streamed.ChecksumCRC32, whole.ChecksumCRC32);

const algorithms = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"];
const checksums = {};
for (const ChecksumAlgorithm of algorithms) {
  const name = `Checksum${ChecksumAlgorithm}`;
  const [answer, headers] = await put(ChecksumAlgorithm, createReadStream(file), {
    ChecksumAlgorithm,
  });
  assert.equal(headers["x-amz-trailer"], `x-amz-checksum-${ChecksumAlgorithm.toLowerCase()}`);
  const got = await client.send(new GetObjectCommand({ Bucket, Key: ChecksumAlgorithm }));
  assert.equal(got[name], answer[name]);
  assert.ok((await contentOf(got)).equals(content));
  checksums[ChecksumAlgorithm] = answer[name];
}

const size = content.length;
const ranges = [
  ["bytes=0-0", 0, 1],
  ["bytes=5000-9999", 5000, 10000],
  ["bytes=-7", size - 7, size],
  [`bytes=${size - 1}-`, size - 1, size],
];
for (const [Range, from, to] of ranges) {
  const got = await client.send(new GetObjectCommand({ Bucket, Key: "stream", Range }));
  assert.equal(got.ContentRange, `bytes ${from}-${to - 1}/${size}`);
  assert.ok((await contentOf(got)).equals(content.subarray(from, to)), Range);
}

// What comes back is compared with the checksum that came with it.
class Falsifying extends NodeHttpHandler {
  async handle(request, options) {
    const answer = await super.handle(request, options);
    answer.response.body.prependListener("data", (piece) => (piece[0] ^= 1));
    return answer;
  }
}
const deceived = clientOf({ requestHandler: new Falsifying() });
const wrong = await deceived.send(new GetObjectCommand({ Bucket, Key: "stream" }));
await assert.rejects(contentOf(wrong), /hecksum mismatch/);

tell(checksums);
