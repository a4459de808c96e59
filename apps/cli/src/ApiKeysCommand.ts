import {
  ApiKey,
  ApiKeyId,
  ApiKeyMethod,
  ApiKeyScope,
  IssuedApiKey,
  Network,
  NewApiKey
} from "@mall/domain/identity/ApiKey"
import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import { Page } from "@mall/domain/kernel/Page"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { ApiKeys } from "@mall/identity/machines/ApiKeys"
import { Console, DateTime, Effect, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import * as IdentityServices from "./IdentityServices.ts"
import { confirm, yes } from "./Confirm.ts"
import { given, page, reason } from "./flags.ts"
import { operator } from "./Operator.ts"
import { fields, json, print, printPage, section } from "./Output.ts"

const newKeyId = generator(ApiKeyId)
const newRotationId = generator(Uuid7.pipe(Schema.brand("RotationId")))

const merchant = Argument.String("merchant").pipe(
  Argument.withSchema(MerchantId),
  Argument.withDescription("The id of the merchant")
)

const id = Argument.String("id").pipe(
  Argument.withSchema(ApiKeyId),
  Argument.withDescription("The id of the key, as `mall api-keys list` shows it")
)

const actor = Effect.map(operator, (name) => `operator:${name}`)

const fieldsOf = (key: ApiKey) =>
  fields({
    id: key.id,
    name: key.name,
    prefix: key.prefix,
    method: key.method,
    status: key.status,
    scopes: key.scopes.join(", "),
    from: key.allowedNetworks.join(", ") || "everywhere",
    expires: key.expiresAt,
    "last used": key.lastUsedAt,
    "former secrets end": key.overlapEndsAt
  }).pipe(
    Effect.andThen(
      section(
        "History",
        {
          at: ({ at }) => at,
          change: ({ change }) => change,
          by: ({ actor }) => actor,
          because: ({ reason }) => reason
        },
        key.history
      )
    )
  )

const printIssued = (issued: IssuedApiKey, asJson: boolean) =>
  print(
    issued,
    { json: asJson, schema: IssuedApiKey },
    Effect.andThen(fieldsOf(issued.apiKey), Console.log(`\n${issued.key}\n\nIt is shown this once.`))
  )

const list = Command.make(
  "list",
  { merchant, ...page, json },
  Effect.fnUntraced(function* ({ after, json, limit, merchant }) {
    const keys = yield* ApiKeys
    yield* printPage(yield* keys.list(merchant, { limit, ...given({ after }) }), {
      json,
      schema: Page(ApiKey),
      columns: {
        id: ({ id }) => id,
        name: ({ name }) => name,
        method: ({ method }) => method,
        status: ({ status }) => status,
        scopes: ({ scopes }) => scopes.join(" "),
        expires: ({ expiresAt }) => expiresAt,
        "last used": ({ lastUsedAt }) => lastUsedAt
      },
      empty: "The merchant has no keys."
    })
  })
).pipe(
  Command.withDescription("List a merchant's keys, newest first, also those that have ended"),
  Command.withExamples([{ command: "mall api-keys list 019a0000-0000-7000-8000-000000000000" }]),
  Command.provide(IdentityServices.layer)
)

/** An operator may give every scope there is. */
const holder = Effect.map(actor, (actor) => ({ actor, holds: () => true }))

const create = Command.make(
  "create",
  {
    merchant,
    name: Argument.String("name").pipe(
      Argument.withSchema(NewApiKey.fields.name),
      Argument.withDescription("What the merchant knows it by")
    ),
    method: Flag.Literals("method", ApiKeyMethod.literals).pipe(
      Flag.withDescription("secret: the key is sent; signature: requests are signed with it"),
      Flag.withDefault("signature" as const)
    ),
    scopes: Flag.Literals("scope", ApiKeyScope.literals).pipe(
      Flag.withDescription("What it may do; may be repeated"),
      Flag.atLeast(1)
    ),
    allowedNetworks: Flag.String("from").pipe(
      Flag.withSchema(Network),
      Flag.withDescription(
        "An address or network from which it may be used; may be repeated, everywhere where left out"
      ),
      Flag.atLeast(0)
    ),
    days: Flag.Int("days").pipe(
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3650 }))),
      Flag.withDescription("After how many days it expires; never where left out"),
      Flag.optional
    ),
    reason,
    json
  },
  Effect.fnUntraced(function* ({ allowedNetworks, days, json, merchant, method, name, reason, scopes }) {
    const keys = yield* ApiKeys
    const now = yield* DateTime.now
    const expiresAt = Option.map(days, (days) => DateTime.toDateUtc(DateTime.add(now, { days })))
    const input = { name, method, scopes, allowedNetworks, reason, ...given({ expiresAt }) }
    yield* printIssued(yield* keys.create(merchant, yield* newKeyId, input, yield* holder), json)
  })
).pipe(
  Command.withDescription("Make a key with which a merchant's server calls; it is shown once"),
  Command.withExamples([
    {
      command:
        'mall api-keys create <merchant> "till 7" --scope payments:create --scope payments:read --reason "new till"'
    }
  ]),
  Command.provide(IdentityServices.layer)
)

const rotate = Command.make(
  "rotate",
  {
    merchant,
    id,
    overlap: Flag.Int("overlap").pipe(
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 604_800 }))),
      Flag.withDescription("For how many seconds the former secrets are still taken"),
      Flag.withDefault(86_400)
    ),
    reason,
    yes,
    json
  },
  Effect.fnUntraced(function* ({ id, json, merchant, overlap, reason, yes }) {
    const keys = yield* ApiKeys
    yield* confirm(`Ending the former secrets of ${id} in ${overlap} s`, yes)
    const rotation = { rotationId: yield* newRotationId, overlapSeconds: overlap, reason }
    yield* printIssued(yield* keys.rotate(merchant, id, rotation, yield* holder), json)
  })
).pipe(
  Command.withDescription("Give a key a new secret; it is shown once, and the former ones end after the overlap"),
  Command.withExamples([
    { command: 'mall api-keys rotate <merchant> <id> --overlap 0 --reason "it leaked" --yes', description: "At once" }
  ]),
  Command.provide(IdentityServices.layer)
)

const revoke = Command.make(
  "revoke",
  { merchant, id, reason, yes, json },
  Effect.fnUntraced(function* ({ id, json, merchant, reason, yes }) {
    const keys = yield* ApiKeys
    yield* confirm(`Revoking ${id}`, yes)
    const revoked = yield* keys.revoke(merchant, id, { reason }, yield* actor)
    yield* print(revoked, { json, schema: ApiKey }, fieldsOf(revoked))
  })
).pipe(
  Command.withDescription("End a key at once, on every server, for ever"),
  Command.withExamples([{ command: 'mall api-keys revoke <merchant> <id> --reason "server sold" --yes' }]),
  Command.provide(IdentityServices.layer)
)

export const ApiKeysCommand = Command.make("api-keys").pipe(Command.withSubcommands([list, create, rotate, revoke]))
