import { Effect, Schema } from "effect"
import { Model } from "effect/schema"

/**
 * What every id is before its brand: a UUIDv7, checked at every edge, so that `/orders/abc` is a 400 and never reaches
 * the database. Each id adds a brand of its own: `Uuid7.pipe(Schema.brand("OrderId"))`.
 */
export const Uuid7 = Schema.String.check(Schema.isUUID(7))

/** Makes ids of one kind: ordered by `Clock`, each after every earlier one of this process. */
export const generator = <B extends string>(schema: Schema.brand<Schema.String, B>) => {
  const Holder = Schema.Struct({ id: Model.UuidV7WithGenerate(schema) })
  return Effect.suspend(() => Effect.map(Effect.orDie(Holder.makeEffect({})), ({ id }) => id))
}
