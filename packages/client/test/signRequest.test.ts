import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { canonicalRequest } from "@mall/domain/identity/canonicalRequest"
import { Effect, FileSystem, Redacted, Schema, Stream } from "effect"
import { ChildProcess } from "effect/process"
import { createHash } from "node:crypto"
import * as path from "node:path"
import { signAt, signRequest } from "../src/signRequest.ts"

const Vector = Schema.Struct({
  name: Schema.String,
  key: Schema.String,
  method: Schema.String,
  target: Schema.String,
  body: Schema.String,
  timestamp: Schema.String,
  nonce: Schema.String,
  canonical: Schema.String,
  signature: Schema.String
})

const docs = path.join(import.meta.dirname, "../../../docs")

const vectors = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const text = yield* fs.readFileString(path.join(docs, "signing-vectors.json"))
  return yield* Schema.decodeEffect(Schema.fromJsonString(Schema.Array(Vector)))(text)
})

/** The program that the page shows in a language. */
const program = Effect.fnUntraced(function* (language: string) {
  const fs = yield* FileSystem.FileSystem
  const page = yield* fs.readFileString(path.join(docs, "signing.md"))
  return new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(page)?.[1] ?? assert.fail(`no ${language} on the page`)
})

/** Arguments are read as the locale says, which a bare machine does not have. */
const locale = { env: { LC_ALL: "C.UTF-8" }, extendEnv: true }

const output = (command: string, args: ReadonlyArray<string>) =>
  Effect.flatMap(ChildProcess.make(command, args, locale), ({ stdout }) =>
    Stream.mkString(Stream.decodeText(stdout))
  ).pipe(Effect.scoped)

const isHere = (command: string, ...args: ReadonlyArray<string>) =>
  Effect.scoped(Effect.flatMap(ChildProcess.make(command, args), ({ exitCode }) => exitCode)).pipe(
    Effect.map((code) => code === 0),
    Effect.catchTag("PlatformError", () => Effect.succeed(false))
  )

const languages = [
  { language: "js", file: "sign.mjs", command: process.execPath, version: "--version" },
  { language: "python", file: "sign.py", command: "python3", version: "--version" },
  // `java File.java` compiles, so it wants a JDK and not only its run time
  { language: "java", file: "Sign.java", command: "java", version: "--list-modules" }
] as const

describe("signing", () => {
  it.effect("has the canonical text and the signature of every vector", () =>
    Effect.gen(function* () {
      for (const { body, canonical, key, method, name, nonce, signature, target, timestamp } of yield* vectors) {
        const bytes = new TextEncoder().encode(body)
        const bodyHash = createHash("sha256").update(bytes).digest("hex")
        assert.strictEqual(canonicalRequest({ method, target, bodyHash, timestamp, nonce }), canonical, name)
        const headers = yield* signAt(Redacted.make(key), { method, target, body: bytes }, { timestamp, nonce })
        assert.deepStrictEqual(
          headers,
          {
            ...{ "x-api-key-id": "019a0000-0000-7000-8000-000000000001", "x-timestamp": timestamp },
            ...{ "x-nonce": nonce, "x-signature": signature }
          },
          name
        )
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  for (const { command, file, language, version } of languages) {
    it.effect(
      `is done by the ${language} program of the page as the vectors say`,
      (test) =>
        Effect.gen(function* () {
          if (!(yield* isHere(command, version))) return test.skip(`there is no ${command} here`)
          const fs = yield* FileSystem.FileSystem
          const source = path.join(yield* fs.makeTempDirectoryScoped(), file)
          yield* fs.writeFileString(source, yield* program(language))
          const all = yield* vectors
          const values = all.flatMap(({ body, key, method, nonce, target, timestamp }) => [
            ...[key, method, target, body, timestamp, nonce]
          ])
          const lines = (yield* output(command, [source, ...values])).trim().split("\n")
          assert.deepStrictEqual(
            lines,
            all.map(({ signature }) => signature)
          )
        }).pipe(Effect.provide(NodeServices.layer), Effect.scoped),
      60_000
    )
  }

  it.effect("takes another nonce each time, and refuses what is no key without repeating it", () =>
    Effect.gen(function* () {
      const [first] = yield* vectors
      const key = Redacted.make(first?.key ?? "")
      const request = { method: "GET", target: "/" }
      const nonces = yield* Effect.all([signRequest(key, request), signRequest(key, request)])
      assert.notStrictEqual(nonces[0]["x-nonce"], nonces[1]["x-nonce"])
      const error = yield* Effect.flip(signRequest(Redacted.make("secret-of-mine"), request))
      assert.strictEqual(error._tag, "MalformedApiKey")
      assert.notInclude(error.message, "secret-of-mine")
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
