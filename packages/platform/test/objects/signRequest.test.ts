import { assert, describe, it } from "@effect/vitest"
import { amzDate, sha256Hex, signRequest } from "../../src/objects/signRequest.ts"

const signatureOf = (header: string) => header.split("Signature=")[1]

// the examples of docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
const example = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  region: "us-east-1",
  service: "s3"
}
const common = { host: "examplebucket.s3.amazonaws.com", "x-amz-date": "20130524T000000Z" }
const base = "https://examplebucket.s3.amazonaws.com"

describe("a request is signed as AWS documents it", () => {
  it("for reading an object", () => {
    const bodyHash = sha256Hex("")
    const headers = { ...common, range: "bytes=0-9", "x-amz-content-sha256": bodyHash }
    const header = signRequest({ method: "GET", url: new URL(`${base}/test.txt`), headers, bodyHash }, example)
    assert.strictEqual(signatureOf(header), "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
  })

  it("for writing an object", () => {
    const bodyHash = sha256Hex("Welcome to Amazon S3.")
    const headers = {
      ...common,
      ...{ date: "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY" },
      "x-amz-content-sha256": bodyHash
    }
    const url = new URL(`${base}/test$file.text`)
    const header = signRequest({ method: "PUT", url, headers, bodyHash }, example)
    assert.strictEqual(signatureOf(header), "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")
  })

  it("for a list, whose query is part of what is signed", () => {
    const bodyHash = sha256Hex("")
    const headers = { ...common, "x-amz-content-sha256": bodyHash }
    const url = new URL(`${base}/?max-keys=2&prefix=J`)
    const header = signRequest({ method: "GET", url, headers, bodyHash }, example)
    assert.strictEqual(signatureOf(header), "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")
  })

  it("at the time as AWS writes it", () => {
    assert.strictEqual(amzDate(new Date("2013-05-24T00:00:00.123Z")), "20130524T000000Z")
  })
})
