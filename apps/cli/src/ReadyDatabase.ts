import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Migrations from "@mall/platform/Migrations"
import { Database } from "@mall/server/Database"
import { Effect, Layer, Schema } from "effect"
import { migrations } from "../../../migrations/index.ts"

/** The database is older than this program, or new. */
class NotMigrated extends Schema.TaggedError<NotMigrated>()("NotMigrated", {
  missing: Schema.Array(Schema.String)
}) {
  override get message() {
    return `The database lacks ${this.missing.join(", ")}: run "mall migrate" first`
  }
}

/** The database as it is, and what else a command stands on. */
export const layerAny = Database.pool.pipe(
  Layer.provideMerge(Database.layerShared),
  Layer.provideMerge(NodeServices.layer)
)

const assertMigrated = Effect.gen(function* () {
  const missing = yield* Migrations.pending(migrations).pipe(Effect.catchTag("SqlError", Effect.die))
  if (missing.length > 0) return yield* new NotMigrated({ missing })
})

/** The same, and every table is there. */
export const layer = Layer.effectDiscard(assertMigrated).pipe(Layer.provideMerge(layerAny))
