// The client that all scripts here use: default settings, but paths for buckets and one attempt.

import { S3Client } from "@aws-sdk/client-s3";

export function clientOf(options = {}) {
  return new S3Client({
    endpoint: process.env.ENDPOINT,
    region: process.env.AWS_REGION,
    forcePathStyle: true,
    maxAttempts: 1,
    ...options,
  });
}

// A list to which the headers of each request are added as they are sent.
export function headersOf(client) {
  const sent = [];
  const note = (next) => (args) => {
    sent.push(args.request.headers);
    return next(args);
  };
  client.middlewareStack.add(note, { step: "deserialize", priority: "low" });
  return sent;
}

export async function contentOf(answer) {
  return Buffer.from(await answer.Body.transformToByteArray());
}

// What a script has seen, for the test that ran it.
export function tell(seen) {
  console.log(JSON.stringify(seen));
}
