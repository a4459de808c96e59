import { assert, layer } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { ServiceName } from "@mall/domain/identity/ServiceName"
import { Context, DateTime, Effect, FileSystem, Layer, Schedule } from "effect"
import * as https from "node:https"
import { TLSSocket } from "node:tls"
import { makeAuthority, makeServiceCertificate } from "../../../../scripts/certificates.ts"
import type { PemPair } from "../../../../scripts/certificates.ts"
import { TlsUnusable } from "../../src/http/Tls.ts"
import { exchangeBytes, startEdge } from "./edgeServer.ts"

const payments = ServiceName.make("payments")
const mall = ServiceName.make("mall")
const hosts = ["localhost", "127.0.0.1"]

const validity = Effect.fnUntraced(function* (fromDay: number, toDay: number) {
  const now = yield* DateTime.now
  const at = (days: number) => DateTime.toDateUtc(DateTime.add(now, { days }))
  return { notBefore: at(fromDay), notAfter: at(toDay) }
})

/** An authority, another that nobody trusts, and what they signed, also as files. */
class Certificates extends Context.Service<
  Certificates,
  {
    readonly authority: PemPair
    readonly stranger: PemPair
    readonly server: PemPair
    readonly client: PemPair
    readonly expired: PemPair
    readonly foreign: PemPair
    write(name: string, text: string): Effect.Effect<string>
  }
>()("@mall/platform/test/http/Certificates") {
  static readonly layer = Layer.effect(
    Certificates,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped({ prefix: "mall-tls-" })
      const good = yield* validity(-1, 1)
      const authority = yield* makeAuthority(good)
      const stranger = yield* makeAuthority(good)
      const sign = (by: PemPair, service: ServiceName, when = good) =>
        makeServiceCertificate(by, { ...when, service, hosts })
      return Certificates.of({
        authority,
        stranger,
        server: yield* sign(authority, payments),
        client: yield* sign(authority, mall),
        expired: yield* sign(authority, mall, yield* validity(-2, -1)),
        foreign: yield* sign(stranger, mall),
        write: (name, text) =>
          Effect.orDie(Effect.as(fs.writeFileString(`${folder}/${name}`, text), `${folder}/${name}`))
      })
    }).pipe(Effect.orDie)
  ).pipe(Layer.provide(NodeServices.layer))
}

const startTls = Effect.fnUntraced(function* (settings: Record<string, string> = {}) {
  const { authority, server, write } = yield* Certificates
  return yield* startEdge({
    TLS_CERT_FILE: yield* write("server.crt", server.certificate),
    TLS_KEY_FILE: yield* write("server.key", server.key),
    TLS_CLIENT_CA_FILE: yield* write("ca.crt", authority.certificate),
    ...settings
  })
})

interface Answer {
  readonly status: number
  readonly text: string
  /** Of the server's certificate. */
  readonly serial: string
}

/** A request over a connection of its own; `refused` where there is no answer. */
const get = Effect.fnUntraced(function* (port: number, path: string, client?: PemPair) {
  const { authority } = yield* Certificates
  const shown = client === undefined ? {} : { cert: client.certificate, key: client.key }
  return yield* Effect.callback<Answer | "refused">((resume) => {
    const refused = () => resume(Effect.succeed("refused"))
    const options = { host: "localhost", port, path, agent: false, ca: authority.certificate, ...shown } as const
    const request = https.get(options, (response) => {
      const { socket } = response
      const serial = socket instanceof TLSSocket ? (socket.getPeerX509Certificate()?.serialNumber ?? "") : ""
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("error", refused)
      response.on("end", () =>
        resume(Effect.succeed({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString(), serial }))
      )
    })
    request.on("error", refused)
    return Effect.sync(() => request.destroy())
  })
})

const statusOf = (answer: Answer | "refused") => (answer === "refused" ? answer : answer.status)
const textOf = (answer: Answer | "refused") => (answer === "refused" ? answer : answer.text)

layer(Certificates.layer, { excludeTestServices: true, timeout: "30 seconds" })("a server over TLS", (it) => {
  it.effect("lets in whom its authority knows, by name, and nobody else where a certificate is required", () =>
    Effect.gen(function* () {
      const { client, expired, foreign } = yield* Certificates
      const { port } = yield* startTls()
      assert.strictEqual(textOf(yield* get(port, "/who", client)), "mall")
      assert.strictEqual(yield* get(port, "/who"), "refused")
      assert.strictEqual(yield* get(port, "/who", foreign), "refused")
      assert.strictEqual(yield* get(port, "/who", expired), "refused")
      for (const path of ["/healthz", "/readyz", "/metrics"]) {
        assert.strictEqual(statusOf(yield* get(port, path, client)), 200, path)
        assert.strictEqual(yield* get(port, path), "refused", path)
      }
    }).pipe(Effect.scoped)
  )

  it.effect("lets in who shows no certificate where it is optional, and not who shows a bad one", () =>
    Effect.gen(function* () {
      const { client, expired, foreign } = yield* Certificates
      const { port } = yield* startTls({ TLS_CLIENT_CERT: "optional" })
      assert.strictEqual(textOf(yield* get(port, "/who", client)), "mall")
      assert.strictEqual(textOf(yield* get(port, "/who")), "nobody")
      assert.strictEqual(yield* get(port, "/who", foreign), "refused")
      assert.strictEqual(yield* get(port, "/who", expired), "refused")
      assert.strictEqual(statusOf(yield* get(port, "/healthz")), 200)
    }).pipe(Effect.scoped)
  )

  it.effect("asks nobody where it is off, and answers as over plain HTTP", () =>
    Effect.gen(function* () {
      const { client } = yield* Certificates
      const { port } = yield* startTls({ TLS_CLIENT_CERT: "off" })
      assert.strictEqual(textOf(yield* get(port, "/who", client)), "nobody")
      assert.strictEqual(textOf(yield* get(port, "/api/v1/words/Tea")), '"at hand Tea"')
      assert.strictEqual(statusOf(yield* get(port, "/nowhere")), 404)
      assert.strictEqual(statusOf(yield* get(port, "/boom")), 404)
    }).pipe(Effect.scoped)
  )

  it.effect("believes no service of a certificate whose names could be read in two ways", () =>
    Effect.gen(function* () {
      const { authority } = yield* Certificates
      const { port } = yield* startTls()
      const good = yield* validity(-1, 1)
      const withHosts = (...more: ReadonlyArray<string>) =>
        makeServiceCertificate(authority, { ...good, service: mall, hosts: more })
      const quoted = yield* withHosts("x, URI:spiffe://mall/payments, DNS:y")
      assert.strictEqual(textOf(yield* get(port, "/who", quoted)), "nobody")
    }).pipe(Effect.scoped)
  )

  it.effect("hangs up on plain HTTP and on what is no handshake, and goes on", () =>
    Effect.gen(function* () {
      const { client } = yield* Certificates
      const { port } = yield* startTls()
      assert.notInclude(yield* exchangeBytes(port, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1")
      assert.notInclude(yield* exchangeBytes(port, "\u0000\u0001garbage\r\n\r\n"), "HTTP/1.1")
      assert.strictEqual(statusOf(yield* get(port, "/healthz", client)), 200)
    }).pipe(Effect.scoped)
  )

  it.effect("takes a new certificate while it runs, and keeps the former one where the new files do not fit", () =>
    Effect.gen(function* () {
      const { authority, client, server, write } = yield* Certificates
      const { log, port } = yield* startTls({ TLS_RELOAD_INTERVAL: "20 millis" })
      const serial = Effect.map(get(port, "/healthz", client), (answer) => (answer === "refused" ? "" : answer.serial))
      const before = yield* serial
      assert.notStrictEqual(before, "")
      const next = yield* makeServiceCertificate(authority, {
        ...(yield* validity(-1, 1)),
        ...{ service: payments, hosts }
      })
      yield* write("server.crt", next.certificate)
      const until = <A, R>(look: Effect.Effect<A, never, R>, isReached: (value: A) => boolean) =>
        Effect.repeat(look, { until: isReached, schedule: Schedule.spaced("20 millis") })
      yield* until(log, (text) => text.includes("The former certificate stays"))
      assert.strictEqual(yield* serial, before)
      yield* write("server.key", next.key)
      yield* until(serial, (now) => now !== before && now !== "")
      assert.strictEqual(yield* get(port, "/healthz"), "refused")
      yield* write("server.crt", server.certificate)
      yield* write("server.key", server.key)
    }).pipe(Effect.scoped)
  )

  it.effect("says in one sentence what is wrong with its files", () =>
    Effect.gen(function* () {
      const { authority, client, expired, server, write } = yield* Certificates
      const nothing = yield* write("empty", "")
      const otherKey = yield* write("other.key", client.key)
      const old = yield* write("old.crt", expired.certificate)
      const oldKey = yield* write("old.key", expired.key)
      yield* write("server.crt", server.certificate)
      yield* write("server.key", server.key)
      const wrong: ReadonlyArray<readonly [Record<string, string>, RegExp]> = [
        [{ TLS_CERT_FILE: "/nowhere/server.crt" }, /^The file .*nowhere.* of TLS_CERT_FILE cannot be read\.$/],
        [{ TLS_KEY_FILE: "/nowhere/server.key" }, /TLS_KEY_FILE cannot be read/],
        [{ TLS_CLIENT_CA_FILE: "/nowhere/ca.crt" }, /TLS_CLIENT_CA_FILE cannot be read/],
        [{ TLS_CERT_FILE: nothing }, /TLS_CERT_FILE holds no certificate/],
        [{ TLS_KEY_FILE: nothing }, /TLS_KEY_FILE holds no private key/],
        [{ TLS_KEY_FILE: otherKey }, /^The key of TLS_KEY_FILE is not that of the certificate/],
        [{ TLS_CERT_FILE: old, TLS_KEY_FILE: oldKey }, /expired on/],
        [{ TLS_CLIENT_CA_FILE: yield* write("leaf.crt", server.certificate) }, /no certificate of an authority/]
      ]
      for (const [settings, expected] of wrong) {
        const error = yield* Effect.flip(startTls(settings))
        assert.instanceOf(error, TlsUnusable)
        assert.match(error.message, expected)
        assert.notInclude(error.message, "PRIVATE KEY")
      }
      const ca = yield* write("ca.crt", authority.certificate)
      const halves: ReadonlyArray<readonly [Record<string, string>, RegExp]> = [
        [{ TLS_CERT_FILE: ca }, /go together/],
        [{ TLS_CLIENT_CA_FILE: ca }, /needs TLS_CERT_FILE and TLS_KEY_FILE/],
        [{ TLS_CLIENT_CERT: "required" }, /needs TLS_CERT_FILE and TLS_KEY_FILE/]
      ]
      for (const [settings, expected] of halves) {
        assert.match(String(yield* Effect.flip(startEdge(settings))), expected)
      }
    }).pipe(Effect.scoped)
  )
})
