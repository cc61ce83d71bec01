// Objects in BUCKET under a key of ours: put, in parts, read and copied.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { CopyObjectCommand, GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { clientOf, contentOf, tell } from "./client.js";

const [Bucket] = process.argv.slice(2);
const client = clientOf();

function keyed(prefix, key) {
  return {
    [`${prefix}Algorithm`]: "AES256",
    [`${prefix}Key`]: key.toString("base64"),
    [`${prefix}KeyMD5`]: createHash("md5").update(key).digest("base64"),
  };
}
const [key, other] = [randomBytes(32), randomBytes(32)];
const ours = keyed("SSECustomer", key);
const theirs = keyed("SSECustomer", other);

async function read(Key, options) {
  return contentOf(await client.send(new GetObjectCommand({ Bucket, Key, ...options })));
}

const content = randomBytes((11 << 20) + 1);
const put = await client.send(
  new PutObjectCommand({ Bucket, Key: "small", Body: "small", ...ours }),
);
assert.equal(put.SSECustomerKeyMD5, ours.SSECustomerKeyMD5);
const Body = Readable.from(content, { objectMode: false });
await new Upload({ client, params: { Bucket, Key: "big", Body, ...ours } }).done();
assert.ok((await read("big", ours)).equals(content));
const Range = "bytes=5242870-5242889";
const middle = content.subarray(5242870, 5242890);
assert.ok((await read("big", { ...ours, Range })).equals(middle));
await assert.rejects(read("big", theirs), { name: "AccessDenied" });
await assert.rejects(read("big", {}), { name: "InvalidRequest" });

await client.send(
  new CopyObjectCommand({
    Bucket,
    Key: "copy",
    CopySource: `${Bucket}/big`,
    ...keyed("CopySourceSSECustomer", key),
    ...theirs,
  }),
);
assert.ok((await read("copy", theirs)).equals(content));
tell({ key: key.toString("base64"), sha256: createHash("sha256").update(content).digest("hex") });
