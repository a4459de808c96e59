import { CryptoGatherings, Gathering } from "@mall/payments/channel/crypto/CryptoGatherings"
import { CryptoDeployment, Deployment } from "@mall/payments/channel/crypto/CryptoDeployment"
import { Console, Duration, Effect, Layer, Schema } from "effect"
import { Command, Flag } from "effect/cli"
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

const sentenceOf = ({ address, chainId, outcome, treasury, txHash }: Deployment) =>
  outcome === "present"
    ? `The contract for ${treasury} is at ${address} of chain ${chainId} already; nothing was sent.`
    : `${txHash} put the contract for ${treasury} at ${address} of chain ${chainId}; its code is as it has to be.`

const deploy = Command.make(
  "deploy",
  {
    wait: Flag.String("wait").pipe(
      Flag.withSchema(Schema.DurationFromString),
      Flag.withDescription('How long to wait until it is mined, for example "10 minutes"'),
      Flag.withDefault(Duration.minutes(3))
    ),
    json
  },
  Effect.fnUntraced(function* ({ json, wait }) {
    const deployment = yield* CryptoDeployment
    const done = yield* deployment.deploy(wait)
    yield* print(
      done,
      { json, schema: Deployment },
      Console.log(`${sentenceOf(done)}\nSet this, for the server and its workers:\n\n${done.setting}`)
    )
  })
).pipe(
  Command.withDescription(
    "Put the contract on the chain that gathers deposits for CRYPTO_TREASURY, and say what to configure; where it is already, nothing is sent"
  ),
  Command.withExamples([
    { command: "mall crypto deploy", description: "Paid for by the hot wallet, which needs coins for gas" },
    { command: 'mall crypto deploy --wait "10 minutes" --json' }
  ]),
  Command.provide(CryptoDeployment.layer.pipe(Layer.provideMerge(Services.layer)))
)

export const CryptoCommand = Command.make("crypto").pipe(
  Command.withDescription("Gather what buyers paid in stablecoins, and look at what was gathered"),
  Command.withSubcommands([deploy, gatherings])
)
