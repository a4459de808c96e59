import { Effect, Schema } from "effect"
import { SecureRandom } from "effect/crypto"

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

// Random bytes are fetched in bulk: one request for them serves hundreds of ids.
const pool = new Uint8Array(8192)
let used = pool.length

const fromPool = (size: number) => {
  if (used + size > pool.length) {
    crypto.getRandomValues(pool)
    used = 0
  }
  return pool.subarray(used, (used += size))
}

const { uuidV7 } = SecureRandom.make(fromPool)

/** Makes ids of one kind: ordered by `Clock`, each after every earlier one of this process. */
export const generator = <B extends string>(schema: Schema.brand<Schema.String, B>) =>
  Effect.map(uuidV7(), (id) => schema.make(id))

/** The least UUIDv7 of a time: what has a smaller one was made before. */
export const leastUuid7 = (at: Date) => {
  const millis = Math.max(0, at.getTime()).toString(16).padStart(12, "0")
  return `${millis.slice(0, 8)}-${millis.slice(8)}-7000-8000-000000000000`
}
