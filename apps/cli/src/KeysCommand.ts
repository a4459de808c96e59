import { PublicJwk } from "@mall/domain/identity/AuthApi"
import { Keys, SigningKeyStatus } from "@mall/identity/tokens/Keys"
import { Console, Effect, Schema } from "effect"
import { Command } from "effect/cli"
import * as IdentityServices from "./IdentityServices.ts"
import { operator } from "./Operator.ts"
import { json, print, table } from "./Output.ts"

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
  Command.provide(IdentityServices.layer)
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
  Command.provide(IdentityServices.layer)
)

export const KeysCommand = Command.make("keys").pipe(Command.withSubcommands([list, rotate]))
