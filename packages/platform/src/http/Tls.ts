import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Config, DateTime, Duration, Effect, FileSystem, Option, Schedule, Schema } from "effect"
import { createPrivateKey, X509Certificate } from "node:crypto"
import type { Server } from "node:https"

/** How the server speaks TLS: it does where `TLS_CERT_FILE` is set. */
export const TlsConfig = Config.all({
  certFile: Config.option(Config.String("TLS_CERT_FILE")),
  keyFile: Config.option(Config.String("TLS_KEY_FILE")),
  clientCaFile: Config.option(Config.String("TLS_CLIENT_CA_FILE")),
  clientCert: Config.option(Config.Literals(["off", "optional", "required"], "TLS_CLIENT_CERT")),
  reloadInterval: Config.Duration("TLS_RELOAD_INTERVAL").pipe(Config.withDefault(Duration.minutes(1)))
})

/** The server cannot speak TLS as it is told to. */
export class TlsUnusable extends Schema.TaggedError<TlsUnusable>()("TlsUnusable", { reason: Schema.String }) {
  override get message() {
    return this.reason
  }
}

const unusable = (reason: string) => new TlsUnusable({ reason })

/** The options of the server that TLS adds. */
export interface Options {
  readonly cert: string
  readonly key: string
  readonly ca?: string
  readonly requestCert: boolean
  readonly rejectUnauthorized: boolean
}

interface Files {
  readonly certFile: string
  readonly keyFile: string
  /** Undefined where clients are not asked for a certificate. */
  readonly clientCaFile: string | undefined
}

type Material = Pick<Options, "cert" | "key" | "ca">

const parse = <A>(reason: string, read: () => A) => Effect.try({ try: read, catch: () => unusable(reason) })

/** The files as they are now, if they fit together. */
const read = Effect.fnUntraced(function* ({ certFile, clientCaFile, keyFile }: Files) {
  const fs = yield* FileSystem.FileSystem
  const readAs = (variable: string, file: string) =>
    Effect.mapError(fs.readFileString(file), () => unusable(`The file ${file} of ${variable} cannot be read.`))

  const cert = yield* readAs("TLS_CERT_FILE", certFile)
  const key = yield* readAs("TLS_KEY_FILE", keyFile)
  const certificate = yield* parse(
    `The file ${certFile} of TLS_CERT_FILE holds no certificate.`,
    () => new X509Certificate(cert)
  )
  const privateKey = yield* parse(`The file ${keyFile} of TLS_KEY_FILE holds no private key.`, () =>
    createPrivateKey(key)
  )
  if (!certificate.checkPrivateKey(privateKey)) {
    return yield* unusable("The key of TLS_KEY_FILE is not that of the certificate of TLS_CERT_FILE.")
  }
  if (certificate.validToDate <= (yield* DateTime.nowAsDate)) {
    return yield* unusable(`The certificate of TLS_CERT_FILE expired on ${certificate.validToDate.toISOString()}.`)
  }
  if (clientCaFile === undefined) return { cert, key }
  const ca = yield* readAs("TLS_CLIENT_CA_FILE", clientCaFile)
  const reason = `The file ${clientCaFile} of TLS_CLIENT_CA_FILE holds no certificate of an authority.`
  const authority = yield* parse(reason, () => new X509Certificate(ca))
  return authority.ca ? { cert, key, ca } : yield* unusable(reason)
}, Effect.provide(NodeFileSystem.layer))

const isSame = (one: Material, other: Material) =>
  one.cert === other.cert && one.key === other.key && one.ca === other.ca

/** Looks for other files at each interval, and takes them if they fit together; else those from before go on. */
const keepFresh = (files: Files, first: Material, interval: Duration.Duration) =>
  Effect.fnUntraced(function* (server: Server) {
    let current = first
    const look = Effect.gen(function* () {
      const next = yield* read(files)
      if (isSame(current, next)) return
      current = next
      server.setSecureContext(next)
      yield* Effect.logInfo("New connections get the new certificate")
    }).pipe(
      Effect.catchTag("TlsUnusable", ({ reason }) => Effect.logWarning(`The former certificate stays: ${reason}`))
    )
    yield* Effect.forkScoped(Effect.repeat(Effect.delay(look, interval), Schedule.forever))
  })

/** What the configuration says, checked; undefined where it says plain HTTP. */
export const load = Effect.gen(function* () {
  const config = yield* TlsConfig
  const certFile = Option.getOrUndefined(config.certFile)
  const keyFile = Option.getOrUndefined(config.keyFile)
  const clientCaFile = Option.getOrUndefined(config.clientCaFile)
  const clientCert = Option.getOrElse(config.clientCert, () => (clientCaFile === undefined ? "off" : "required"))

  if (certFile === undefined && keyFile === undefined) {
    if (clientCaFile === undefined && clientCert === "off") return undefined
    return yield* unusable("To ask clients for certificates, the server needs TLS_CERT_FILE and TLS_KEY_FILE.")
  }
  if (certFile === undefined || keyFile === undefined) {
    return yield* unusable("TLS_CERT_FILE and TLS_KEY_FILE go together, and one of them is missing.")
  }
  if (clientCert !== "off" && clientCaFile === undefined) {
    return yield* unusable(`TLS_CLIENT_CERT is ${clientCert}, which needs TLS_CLIENT_CA_FILE.`)
  }
  const files = { certFile, keyFile, clientCaFile: clientCert === "off" ? undefined : clientCaFile }
  const material = yield* read(files)
  const options: Options = {
    ...material,
    requestCert: clientCert !== "off",
    rejectUnauthorized: clientCert === "required"
  }
  return { options, keepFresh: keepFresh(files, material, config.reloadInterval) }
})
