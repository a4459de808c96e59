import { demoAccounts, demoPassword, seedDemo } from "@mall/server/Seed"
import { Console, Effect, Schema } from "effect"
import { Command } from "effect/cli"
import { json, print } from "./Output.ts"
import * as Services from "./Services.ts"

const Report = Schema.Struct({ seeded: Schema.Boolean })

const told = Effect.gen(function* () {
  yield* Console.log("The demo shop is open. Its accounts:")
  for (const [who, { email }] of Object.entries(demoAccounts)) yield* Console.log(`  ${who.padEnd(10)}${email}`)
  yield* Console.log(`Everybody knows their password: ${demoPassword}`)
})

export const SeedCommand = Command.make(
  "seed",
  { json },
  Effect.fnUntraced(function* ({ json }) {
    const seeded = yield* seedDemo((done, total) => Console.error(`${done} of ${total} products`))
    const nothing = Console.log("The demo shop is there already; nothing was changed.")
    yield* print({ seeded }, { json, schema: Report }, seeded ? told : nothing)
  })
).pipe(
  Command.withExamples([
    { command: "mall seed", description: "Products, merchants, stock and three accounts, once; not for production" }
  ]),
  Command.provide(Services.layer)
)
