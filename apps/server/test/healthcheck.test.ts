import { assert, describe, it } from "@effect/vitest"
import { ServiceName } from "@mall/domain/identity/ServiceName"
import { freePort } from "@mall/testing/freePort"
import { mallFolder } from "@mall/testing/mallFolder"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { startServer } from "@mall/testing/TestServer"
import { DateTime, Effect } from "effect"
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import { makeAuthority, makeServiceCertificate } from "../../../scripts/certificates.ts"

const root = new URL("../../../", import.meta.url)

/** What the Dockerfile says, run as a container does: with the server's environment. */
const [program = "", ...words] = (() => {
  const dockerfile = fs.readFileSync(new URL("Dockerfile", root), "utf8")
  const command: unknown = JSON.parse(/HEALTHCHECK[^]*?CMD (\[.*\])/.exec(dockerfile)?.[1] ?? "[]")
  return Array.isArray(command) ? command.map(String) : []
})()

const status = (environment: Readonly<Record<string, string>>) =>
  Effect.callback<number | null>((resume) => {
    assert.strictEqual(program, "node")
    const child = spawn(process.execPath, words, { cwd: root, env: environment, stdio: "ignore" })
    child.once("exit", (code) => resume(Effect.succeed(code)))
    return Effect.sync(() => child.kill())
  })

const certificates = Effect.gen(function* () {
  const now = yield* DateTime.now
  const validity = { notBefore: DateTime.toDateUtc(now), notAfter: DateTime.toDateUtc(DateTime.add(now, { days: 1 })) }
  const authority = yield* makeAuthority(validity)
  const service = ServiceName.make("payments")
  const own = yield* makeServiceCertificate(authority, { ...validity, service, hosts: ["pay.internal"] })
  const folder = yield* mallFolder
  const write = (name: string, text: string) => {
    fs.writeFileSync(`${folder}/${name}`, text)
    return `${folder}/${name}`
  }
  return {
    TLS_CERT_FILE: write("payments.crt", own.certificate),
    TLS_KEY_FILE: write("payments.key", own.key),
    TLS_CLIENT_CA_FILE: write("ca.crt", authority.certificate)
  }
})

describe("the health check of the image", () => {
  it.live(
    "sees a server that speaks HTTP, and that none is there",
    () =>
      Effect.gen(function* () {
        const { port } = yield* startServer({ database: yield* acquireDatabase, roles: "api" })
        assert.strictEqual(yield* status({ PORT: String(port) }), 0)
        assert.strictEqual(yield* status({ PORT: String(yield* freePort) }), 1)
      }),
    60_000
  )

  for (const clientCert of ["required", "optional"]) {
    it.live(
      `sees a worker that speaks HTTPS, client certificates being ${clientCert}`,
      () =>
        Effect.gen(function* () {
          const environment = {
            ...(yield* certificates),
            MALL_ROLES: "worker",
            TLS_CLIENT_CERT: clientCert,
            WORKER_PORT: String(yield* freePort)
          }
          yield* startServer({ database: yield* acquireDatabase, roles: "worker", environment })
          assert.strictEqual(yield* status(environment), 0)
          const { TLS_CERT_FILE: _, ...plain } = environment
          assert.strictEqual(yield* status(plain), 1)
        }),
      60_000
    )
  }
})
