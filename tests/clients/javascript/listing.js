// Pages through BUCKET, and deletes what begins with `many/` but for one key.

import assert from "node:assert/strict";
import { DeleteObjectsCommand, paginateListObjectsV2 } from "@aws-sdk/client-s3";
import { clientOf, tell } from "./client.js";

const [Bucket, kept] = process.argv.slice(2);
const client = clientOf();

async function listed(options = {}) {
  const pages = [];
  for await (const page of paginateListObjectsV2({ client, pageSize: 7 }, { Bucket, ...options })) {
    pages.push(page);
  }
  assert.ok(pages.slice(0, -1).every((page) => page.KeyCount === 7));
  return {
    keys: pages.flatMap((page) => page.Contents ?? []).map((one) => one.Key),
    prefixes: pages.flatMap((page) => page.CommonPrefixes ?? []).map((one) => one.Prefix),
  };
}

const all = await listed();
const folders = await listed({ Delimiter: "/" });
const encoded = await listed({ EncodingType: "url" });
assert.deepEqual(encoded.keys.map((key) => decodeURIComponent(key.replaceAll("+", " "))), all.keys);

const many = (await listed({ Prefix: "many/" })).keys.filter((key) => key !== kept);
const done = await client.send(
  new DeleteObjectsCommand({ Bucket, Delete: { Objects: many.map((Key) => ({ Key })) } }),
);
assert.deepEqual(done.Deleted.map((one) => one.Key).sort(), many.sort());
assert.equal(done.Errors, undefined);
tell({ all: all.keys, folders });
