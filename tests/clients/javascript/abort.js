// Gives up uploads into BUCKET while their bodies are on the way.

import assert from "node:assert/strict";
import { PassThrough, Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { ListMultipartUploadsCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { clientOf, tell } from "./client.js";

const [Bucket] = process.argv.slice(2);
const client = clientOf();

async function* endless() {
  for (;;) {
    yield Buffer.alloc(1 << 20);
    await pause(5);
  }
}

const upload = new Upload({
  client,
  params: { Bucket, Key: "in parts", Body: Readable.from(endless()) },
  partSize: 5 << 20,
  queueSize: 2,
});
const started = new Promise((resolve) => upload.on("httpUploadProgress", resolve));
const failed = assert.rejects(upload.done(), { name: "AbortError" });
const progress = await started;
const during = await client.send(new ListMultipartUploadsCommand({ Bucket }));
await upload.abort();
await failed;

const body = new PassThrough();
const controller = new AbortController();
const put = client.send(
  new PutObjectCommand({ Bucket, Key: "at once", Body: body, ContentLength: 9 << 20 }),
  { abortSignal: controller.signal },
);
body.write(Buffer.alloc(1 << 20));
await pause(200);
controller.abort();
await assert.rejects(put, { name: "AbortError" });
body.destroy();

tell({ part: progress.part, uploads: during.Uploads.map((one) => one.Key) });
client.destroy();
