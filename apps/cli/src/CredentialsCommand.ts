import { MerchantId } from "@mall/domain/merchants/Merchant"
import { ChannelCredential, CredentialId, CredentialValues } from "@mall/domain/payments/ChannelCredentials"
import { ChannelId } from "@mall/domain/payments/Payment"
import { ChannelCredentials } from "@mall/payments/credentials/ChannelCredentials"
import { CredentialResealing } from "@mall/payments/credentials/CredentialResealing"
import { Console, Effect, FileSystem, Option, Schema, Stdio, Stream } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { confirm, yes } from "./Confirm.ts"
import { reason } from "./flags.ts"
import { operator } from "./Operator.ts"
import { json, print, table } from "./Output.ts"
import * as Services from "./Services.ts"

const merchant = Argument.String("merchant").pipe(
  Argument.withSchema(MerchantId),
  Argument.withDescription("The id of the merchant")
)

const channel = Argument.String("channel").pipe(
  Argument.withSchema(ChannelId),
  Argument.withDescription("Such as wechatpay or stripe")
)

const actor = Effect.map(operator, (name) => `operator:${name}`)

const shown = (all: ReadonlyArray<ChannelCredential>) =>
  table(
    {
      id: ({ id }) => id,
      channel: ({ channel }) => channel,
      version: ({ version }) => version,
      status: ({ status }) => status,
      account: ({ account }) => account,
      values: ({ masked }) =>
        Object.entries(masked)
          .map(([name, value]) => `${name}=${value}`)
          .join(" "),
      "last change": ({ history }) => {
        const last = history.at(-1)
        return last === undefined ? "" : `${last.change} by ${last.actor}, ${last.at.toISOString()}`
      }
    },
    all,
    "The merchant has no credentials: payments go to the platform's accounts."
  )

const printOne = (credential: ChannelCredential, asJson: boolean, said: string) =>
  print(
    credential,
    { json: asJson, schema: ChannelCredential },
    Effect.andThen(shown([credential]), Console.log(`\n${said}`))
  )

const list = Command.make(
  "list",
  { merchant, json },
  Effect.fnUntraced(function* ({ json, merchant }) {
    const credentials = yield* ChannelCredentials
    const all = yield* credentials.list(merchant)
    yield* print(all, { json, schema: Schema.Array(ChannelCredential) }, shown(all))
  })
).pipe(
  Command.withDescription("List a merchant's credentials, newest version first; secrets are masked"),
  Command.withExamples([{ command: "mall credentials list 019a0000-0000-7000-8000-000000000000" }]),
  Command.provide(Services.layer)
)

/** What was read is not shown: it may hold secrets. */
class UnreadableCredentials extends Schema.TaggedError<UnreadableCredentials>()("UnreadableCredentials", {
  source: Schema.String
}) {
  override get message() {
    return `${this.source} does not hold a JSON object with the credentials`
  }
}

const decodeValues = Schema.decodeEffect(Schema.fromJsonString(CredentialValues))

const readStdin = Effect.flatMap(Stdio.Stdio, ({ stdin }) => Stream.mkString(Stream.decodeText(stdin)))

const set = Command.make(
  "set",
  {
    merchant,
    channel,
    file: Flag.File("file", { mustExist: true }).pipe(
      Flag.withDescription("JSON with the credentials; read from standard input when not given"),
      Flag.optional
    ),
    reason,
    json
  },
  Effect.fnUntraced(function* ({ channel, file, json, merchant, reason }) {
    const credentials = yield* ChannelCredentials
    const fs = yield* FileSystem.FileSystem
    const text = Option.match(file, { onNone: () => readStdin, onSome: (path) => fs.readFileString(path) })
    const values = yield* text.pipe(
      Effect.flatMap(decodeValues),
      Effect.mapError(() => new UnreadableCredentials({ source: Option.getOrElse(file, () => "The standard input") }))
    )
    const now = yield* credentials.set(merchant, { channel, credentials: values, reason }, yield* actor)
    yield* printOne(
      now,
      json,
      `New payments are made with version ${now.version}. The channel sends its notices to ${now.notifyUrl}.`
    )
  })
).pipe(
  Command.withDescription(
    "Store a merchant's credentials at a channel; those before them serve their own payments until they are retired"
  ),
  Command.withExamples([
    {
      command: 'mall credentials set <merchant> stripe --reason "own account" < stripe.json',
      description: "Secrets are never given as arguments, which other processes may see"
    }
  ]),
  Command.provide(Services.layer)
)

const remove = Command.make(
  "remove",
  { merchant, channel, reason, json },
  Effect.fnUntraced(function* ({ channel, json, merchant, reason }) {
    const credentials = yield* ChannelCredentials
    const removed = yield* credentials.remove(merchant, { channel, reason }, yield* actor)
    yield* printOne(removed, json, "New payments go to the platform's account.")
  })
).pipe(
  Command.withDescription("Send a merchant's new payments to the platform's account; former ones go on with their own"),
  Command.withExamples([{ command: 'mall credentials remove <merchant> stripe --reason "contract ended"' }]),
  Command.provide(Services.layer)
)

const retire = Command.make(
  "retire",
  {
    id: Argument.String("id").pipe(
      Argument.withSchema(CredentialId),
      Argument.withDescription("The id of a former version, as `mall credentials list` shows it")
    ),
    reason,
    yes,
    json
  },
  Effect.fnUntraced(function* ({ id, json, reason, yes }) {
    const credentials = yield* ChannelCredentials
    yield* confirm(`Erasing the secrets of ${id}`, yes)
    const retired = yield* credentials.retire({ id, reason }, yield* actor)
    yield* printOne(retired, json, "Its secrets are erased: it verifies no notice any more.")
  })
).pipe(
  Command.withDescription("Erase the secrets of a former version, once nothing needs it"),
  Command.withExamples([{ command: 'mall credentials retire <id> --reason "a week after the change" --yes' }]),
  Command.provide(Services.layer)
)

const Resealed = Schema.Struct({ keyId: Schema.String, resealed: Schema.Int, unreadable: Schema.Int })

const rotate = Command.make(
  "rotate",
  { json },
  Effect.fnUntraced(function* ({ json }) {
    const resealing = yield* CredentialResealing
    const result = yield* resealing.run
    yield* print(
      result,
      { json, schema: Resealed },
      Console.log(
        `${result.resealed} were encrypted with ${result.keyId}; ${result.unreadable} cannot be read by the keys that are here.`
      )
    )
  })
).pipe(
  Command.withDescription("Encrypt all credentials with the first of CREDENTIALS_KEYS, while servers run"),
  Command.withExamples([
    { command: "mall credentials rotate", description: "After a new key is the first on every server" }
  ]),
  Command.provide(Services.layer)
)

export const CredentialsCommand = Command.make("credentials").pipe(
  Command.withSubcommands([list, set, rotate, retire, remove])
)
