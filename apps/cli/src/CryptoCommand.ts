import { CryptoGatherings, Gathering } from "@mall/payments/channel/crypto/CryptoGatherings"
import { Effect, Schema } from "effect"
import { Command } from "effect/cli"
import { page } from "./flags.ts"
import { json, print, table } from "./Output.ts"
import * as Services from "./Services.ts"

const gatherings = Command.make(
  "gatherings",
  { limit: page.limit, json },
  Effect.fnUntraced(function* ({ json, limit }) {
    const { list } = yield* CryptoGatherings
    const found = yield* list(limit)
    const columns = {
      created: ({ createdAt }: Gathering) => createdAt,
      status: ({ status }: Gathering) => status,
      addresses: ({ addresses }: Gathering) => addresses,
      amount: ({ amount }: Gathering) => amount,
      "gas in wei": ({ cost }: Gathering) => cost,
      transaction: ({ txHash }: Gathering) => txHash
    }
    yield* print(found, { json, schema: Schema.Array(Gathering) }, table(columns, found, "Nothing was gathered."))
  })
).pipe(
  Command.withDescription(
    "List the transactions that sent deposits on to the treasury, newest first; amounts in the token's smallest unit"
  ),
  Command.withExamples([{ command: "mall crypto gatherings --limit 5" }]),
  Command.provide(Services.layer)
)

export const CryptoCommand = Command.make("crypto").pipe(
  Command.withDescription("Look at what the channel of stablecoins does on its chain"),
  Command.withSubcommands([gatherings])
)
