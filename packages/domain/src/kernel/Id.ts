import { Effect, Schema } from "effect"
import { Model } from "effect/schema"

const lowerCaseUuid7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/**
 * What every id is before its brand: a UUIDv7, checked at every edge, so that `/orders/abc` is a 400 and never reaches
 * the database. Each id adds a brand of its own: `Uuid7.pipe(Schema.brand("OrderId"))`.
 *
 * In lower case, as the mall writes it: in upper case it would be the same to the database and another to a map, so it is
 * refused rather than found by half of the program.
 */
export const Uuid7 = Schema.String.check(
  Schema.isPattern(lowerCaseUuid7, {
    expected: "a UUID v7 in lower case",
    toJsonSchema: () => ({ pattern: lowerCaseUuid7.source, format: "uuid" })
  })
)

/** Makes ids of one kind: ordered by `Clock`, each after every earlier one of this process. */
export const generator = <B extends string>(schema: Schema.brand<Schema.String, B>) => {
  const Holder = Schema.Struct({ id: Model.UuidV7WithGenerate(schema) })
  return Effect.suspend(() => Effect.map(Effect.orDie(Holder.makeEffect({})), ({ id }) => id))
}

/** The least UUIDv7 of a time: what has a smaller one was made before. */
export const leastUuid7 = (at: Date) => {
  const millis = Math.max(0, at.getTime()).toString(16).padStart(12, "0")
  return `${millis.slice(0, 8)}-${millis.slice(8)}-7000-8000-000000000000`
}
