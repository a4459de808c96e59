import { PersonalDataSealing, SealingResult } from "@mall/platform/sealing/PersonalDataSealing"
import { SealedCount } from "@mall/platform/sealing/tableSealer"
import { Console, Effect, Schema } from "effect"
import { Command } from "effect/cli"
import { confirm, yes } from "./Confirm.ts"
import { reason } from "./flags.ts"
import { json, print, table } from "./Output.ts"
import * as Services from "./Services.ts"

const meanings = {
  current: "sealed by the key in use",
  former: "sealed by a former key, which is still needed",
  missing: "sealed by a key that is not here: nobody can read them",
  clear: "in the clear"
} as const

const status = Command.make(
  "status",
  { json },
  Effect.fnUntraced(function* ({ json }) {
    const sealing = yield* PersonalDataSealing
    const counts = yield* sealing.status
    yield* print(
      counts,
      { json, schema: Schema.Array(SealedCount) },
      table(
        {
          table: ({ table }) => table,
          key: ({ keyId }) => keyId ?? "none",
          rows: ({ rows }) => rows,
          "": ({ state }) => meanings[state]
        },
        counts,
        "There is no personal data."
      )
    )
  })
).pipe(
  Command.withDescription("Count the rows with personal data under each key, and those that are still in the clear"),
  Command.withExamples([{ command: "mall privacy status" }]),
  Command.provide(Services.layer)
)

const rotate = Command.make(
  "rotate",
  { reason, yes, json },
  Effect.fnUntraced(function* ({ json, reason, yes }) {
    yield* confirm("Sealing all personal data with the first of the keys that are here", yes)
    const sealing = yield* PersonalDataSealing
    const result = yield* sealing.rotate(reason)
    yield* print(
      result,
      { json, schema: SealingResult },
      Console.log(
        `${result.sealed} rows were sealed with ${result.keyId}; ${result.unreadable} are under other keys and could not be.`
      )
    )
  })
).pipe(
  Command.withDescription("Seal all personal data with the first of PERSONAL_DATA_KEYS now, while servers run"),
  Command.withExamples([
    {
      command: 'mall privacy rotate --reason "yearly rotation" --yes',
      description: "After a new key is the first on every server"
    }
  ]),
  Command.provide(Services.layer)
)

export const PrivacyCommand = Command.make("privacy").pipe(Command.withSubcommands([status, rotate]))
