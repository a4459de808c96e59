import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { ServiceName } from "@mall/domain/identity/ServiceName"
import { Cause, Console, DateTime, Effect, FileSystem, Path, Schema } from "effect"
import { CliError, Command, Flag } from "effect/cli"
import process from "node:process"
import { makeAuthority, makeServiceCertificate } from "./certificates.ts"
import type { PemPair } from "./certificates.ts"

// Makes the certificates with which our services know each other: `npm run certs -- --service mall --service payments`.

/** What was made before is kept: whoever wants it anew takes it away first. */
class FileExists extends Schema.TaggedError<FileExists>()("FileExists", { files: Schema.Array(Schema.String) }) {
  override get message() {
    return `Nothing was written, since there are already: ${this.files.join(", ")}`
  }
}

class AuthorityIncomplete extends Schema.TaggedError<AuthorityIncomplete>()("AuthorityIncomplete", {
  missing: Schema.String
}) {
  override get message() {
    return `Nothing was written: of the certificate authority ${this.missing} is missing`
  }
}

/** The names of the authority's files are taken. */
const Service = ServiceName.check(Schema.makeFilter((name: string) => name !== "ca" || "must not be ca"))

const days = (name: string, byDefault: number, description: string) =>
  Flag.Int(name).pipe(
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 7300 }))),
    Flag.withDescription(description),
    Flag.withDefault(byDefault)
  )

/** Clocks of other machines may be a little behind. */
const validityFor = Effect.fnUntraced(function* (days: number) {
  const now = yield* DateTime.now
  return {
    notBefore: DateTime.toDateUtc(DateTime.subtract(now, { minutes: 5 })),
    notAfter: DateTime.toDateUtc(DateTime.add(now, { days }))
  }
})

/** `folder/name.crt` and `folder/name.key`. */
const makeFiles = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path

  const of = (folder: string, name: string) => ({
    certificate: path.join(folder, `${name}.crt`),
    key: path.join(folder, `${name}.key`)
  })

  const existing = (files: PemPair) => Effect.filter([files.certificate, files.key], (file) => fs.exists(file))

  const read = (files: PemPair): Effect.Effect<PemPair, unknown> =>
    Effect.all({ certificate: fs.readFileString(files.certificate), key: fs.readFileString(files.key) })

  // `wx` also refuses what came to be there in the meantime
  const write = Effect.fnUntraced(function* (files: PemPair, pair: PemPair) {
    yield* fs.writeFileString(files.key, pair.key, { flag: "wx", mode: 0o600 })
    yield* fs.writeFileString(files.certificate, pair.certificate, { flag: "wx", mode: 0o644 })
    yield* Console.log(`Wrote ${files.certificate} and ${files.key}`)
  })

  return { of, existing, read, write, makeFolder: (folder: string) => fs.makeDirectory(folder, { recursive: true }) }
})

const certs = Command.make(
  "certs",
  {
    out: Flag.String("out").pipe(Flag.withDescription("The folder to write into"), Flag.withDefault("certs")),
    services: Flag.String("service").pipe(
      Flag.withSchema(Service),
      Flag.withDescription("A service to make a certificate for; may be repeated. mall and payments where left out"),
      Flag.atLeast(0)
    ),
    hosts: Flag.String("host").pipe(
      Flag.withDescription(
        "A name or address under which the services are reached, beside their own names and localhost"
      ),
      Flag.atLeast(0)
    ),
    days: days("days", 365, "For how many days the certificates of services are good"),
    authorityDays: days("authority-days", 3650, "For how many days a new certificate authority is good")
  },
  Effect.fnUntraced(function* ({ authorityDays, days, hosts, out, services }) {
    const files = yield* makeFiles
    const named = services.length === 0 ? [ServiceName.make("mall"), ServiceName.make("payments")] : services
    const wanted = [...new Set(named)].map((service) => ({ service, pair: files.of(out, service) }))
    const taken = (yield* Effect.forEach(wanted, ({ pair }) => files.existing(pair))).flat()
    if (taken.length > 0) return yield* new FileExists({ files: taken })

    const ca = files.of(out, "ca")
    const found = yield* files.existing(ca)
    if (found.length === 1) {
      return yield* new AuthorityIncomplete({ missing: found[0] === ca.key ? ca.certificate : ca.key })
    }
    const isNew = found.length === 0
    const authority = isNew ? yield* makeAuthority(yield* validityFor(authorityDays)) : yield* files.read(ca)
    const validity = yield* validityFor(days)
    const made = yield* Effect.forEach(wanted, ({ pair, service }) =>
      Effect.map(
        makeServiceCertificate(authority, {
          ...{ ...validity, service },
          hosts: [...new Set([service, "localhost", "127.0.0.1", "::1", ...hosts])]
        }),
        (made) => ({ made, pair })
      )
    )

    yield* files.makeFolder(out)
    if (isNew) yield* files.write(ca, authority)
    yield* Effect.forEach(made, ({ made, pair }) => files.write(pair, made), { discard: true })
    yield* Console.log(
      `They are good until ${validity.notAfter.toISOString()}. Keep ${ca.key} away from every server: who has it is any service.`
    )
  })
).pipe(
  Command.withDescription(
    "Make a certificate authority, and a certificate for each service, with which it serves HTTPS and calls the others. An authority that is there already is used."
  ),
  Command.withExamples([
    { command: "npm run certs", description: "For the mall and the pay platform, in certs/" },
    { command: "npm run certs -- --service payments --host pay.internal --days 90" }
  ])
)

const messageOf = (cause: Cause.Cause<unknown>) => {
  const error = Cause.squash(cause)
  return error instanceof Error ? `${error.message.replace(/\.$/, "")}.` : Cause.pretty(cause)
}

Command.runWith(certs, { version: "0.1.0" })(process.argv.slice(2)).pipe(
  // wrong usage was told with its help
  Effect.tapCause((cause) =>
    CliError.isCliError(Cause.squash(cause)) ? Effect.void : Console.error(messageOf(cause))
  ),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
