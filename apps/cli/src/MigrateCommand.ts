import { migrate } from "@mall/platform/Migrations"
import { Console, Effect, Schema } from "effect"
import { Command } from "effect/cli"
import { migrations } from "../../../migrations/index.ts"
import { json, print } from "./Output.ts"
import * as ReadyDatabase from "./ReadyDatabase.ts"

const Report = Schema.Struct({ ran: Schema.Array(Schema.String) })

export const MigrateCommand = Command.make(
  "migrate",
  { json },
  Effect.fnUntraced(function* ({ json }) {
    const ran = yield* migrate(migrations)
    yield* print(
      { ran },
      { json, schema: Report },
      Console.log(ran.length === 0 ? "The database is up to date." : `Ran ${ran.join(", ")}.`)
    )
  })
).pipe(
  Command.withExamples([
    { command: "mall migrate", description: "All or nothing; a server that starts does the same" },
    { command: "DATABASE_URL=postgres://mall@db/mall mall migrate", description: "On a database of your own" }
  ]),
  Command.provide(ReadyDatabase.layerAny)
)
