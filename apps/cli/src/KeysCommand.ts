import { PublicJwk } from "@mall/domain/identity/AuthApi"
import { IdentityCommandLayer } from "@mall/identity/Identity"
import { Keys, SigningKeyStatus } from "@mall/identity/Keys"
import { Outbox } from "@mall/platform/Outbox"
import { Console, Effect, Layer, Schema } from "effect"
import { Command } from "effect/cli"
import { operator } from "./Operator.ts"
import { json, print, table } from "./Output.ts"
import * as ReadyDatabase from "./ReadyDatabase.ts"

const Services = IdentityCommandLayer.pipe(Layer.provide(Outbox.layer), Layer.provideMerge(ReadyDatabase.layer))

const list = Command.make(
  "list",
  { json },
  Effect.fnUntraced(function* ({ json }) {
    const keys = yield* Keys
    const all = yield* keys.list
    yield* print(
      all,
      { json, schema: Schema.Array(SigningKeyStatus) },
      table(
        {
          kid: ({ kid }) => kid,
          status: ({ retiredAt }) => (retiredAt === null ? "signs" : "verifies"),
          created: ({ createdAt }) => createdAt,
          by: ({ createdBy }) => createdBy ?? "the mall itself",
          retired: ({ retiredAt }) => retiredAt,
          "verifies until": ({ verifiesUntil }) => verifiesUntil
        },
        all,
        "There are no keys."
      )
    )
  })
).pipe(
  Command.withDescription("List the keys whose access tokens are good now, newest first"),
  Command.withExamples([{ command: "mall keys list" }]),
  Command.provide(Services)
)

const rotate = Command.make(
  "rotate",
  { json },
  Effect.fnUntraced(function* ({ json }) {
    const keys = yield* Keys
    const key = yield* keys.rotate(`operator:${yield* operator}`)
    yield* print(
      key,
      { json, schema: PublicJwk },
      Console.log(`New tokens are signed with ${key.kid}. Nobody is logged out: tokens of the former key stay good.`)
    )
  })
).pipe(
  Command.withDescription("Sign new access tokens with a new key; every server follows at once, nobody is logged out"),
  Command.withExamples([{ command: "mall keys rotate", description: "Once a quarter, or when somebody leaves" }]),
  Command.provide(Services)
)

export const KeysCommand = Command.make("keys").pipe(Command.withSubcommands([list, rotate]))
