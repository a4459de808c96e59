import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Stream } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { X509Certificate } from "node:crypto"
import * as path from "node:path"
import process from "node:process"

const script = path.join(import.meta.dirname, "../certs.ts")

const folder = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped({ prefix: "mall-certs-" }))

const certs = Effect.fnUntraced(function* (out: string, ...args: ReadonlyArray<string>) {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const handle = yield* spawner.spawn(ChildProcess.make(process.execPath, [script, "--out", out, ...args]))
  const output = yield* handle.all.pipe(Stream.decodeText, Stream.mkString)
  return { output, code: Number(yield* handle.exitCode) }
}, Effect.scoped)

const certificate = (file: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => Effect.map(fs.readFileString(file), (pem) => new X509Certificate(pem)))

layer(NodeServices.layer, { excludeTestServices: true, timeout: "60 seconds" })("npm run certs", (it) => {
  it.effect("makes an authority and a certificate for each service, and keeps the keys to their owner", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = path.join(yield* folder, "new")
      const { code, output } = yield* certs(out, "--service", "payments", "--host", "pay.internal", "--days", "90")
      assert.strictEqual(code, 0, output)
      for (const name of ["ca.crt", "ca.key", "payments.crt", "payments.key"]) assert.include(output, name)
      assert.deepStrictEqual((yield* fs.readDirectory(out)).toSorted(), [
        ...["ca.crt", "ca.key", "payments.crt", "payments.key"]
      ])
      for (const key of ["ca.key", "payments.key"]) {
        assert.strictEqual((yield* fs.stat(path.join(out, key))).mode & 0o777, 0o600)
      }
      const ca = yield* certificate(path.join(out, "ca.crt"))
      const own = yield* certificate(path.join(out, "payments.crt"))
      assert.isTrue(ca.ca && own.verify(ca.publicKey) && own.checkIssued(ca) && !own.ca)
      assert.match(own.subjectAltName ?? "", /^URI:spiffe:\/\/mall\/payments, DNS:payments, DNS:localhost, IP Address:/)
      assert.include(own.subjectAltName ?? "", "DNS:pay.internal")
      assert.deepStrictEqual(own.keyUsage, ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"])
      const days = (own.validToDate.getTime() - own.validFromDate.getTime()) / 86_400_000
      assert.strictEqual(Math.floor(days), 90)
      assert.deepInclude(own.publicKey.asymmetricKeyDetails, { namedCurve: "prime256v1" })
    }).pipe(Effect.scoped)
  )

  it.effect("overwrites nothing, and goes on with the authority that is there", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = yield* folder
      yield* certs(out, "--service", "mall")
      const before = yield* fs.readFileString(path.join(out, "mall.crt"))
      const again = yield* certs(out, "--service", "mall", "--service", "payments")
      assert.strictEqual(again.code, 1)
      assert.match(again.output, /^Nothing was written, since there are already: .*mall\.crt.*\.\n$/)
      assert.isFalse(yield* fs.exists(path.join(out, "payments.crt")))
      assert.strictEqual(yield* fs.readFileString(path.join(out, "mall.crt")), before)

      const more = yield* certs(out, "--service", "payments")
      assert.strictEqual(more.code, 0, more.output)
      const ca = yield* certificate(path.join(out, "ca.crt"))
      assert.isTrue((yield* certificate(path.join(out, "payments.crt"))).verify(ca.publicKey))
    }).pipe(Effect.scoped)
  )

  it.effect("says what is wrong with the authority or with a name", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const out = yield* folder
      yield* fs.writeFileString(path.join(out, "ca.crt"), "nonsense")
      assert.match((yield* certs(out)).output, /^Nothing was written: .*ca\.key is missing\.\n$/)
      yield* fs.writeFileString(path.join(out, "ca.key"), "nonsense")
      assert.match((yield* certs(out)).output, /do not hold a certificate of EC P-256 and its key\.\n$/)
      for (const name of ["Mall", "ca", "../mall", ""]) {
        assert.strictEqual((yield* certs(out, "--service", name)).code, 1, name)
      }
      assert.deepStrictEqual((yield* fs.readDirectory(out)).toSorted(), ["ca.crt", "ca.key"])
    }).pipe(Effect.scoped)
  )
})
