import { Effect, Schema } from "effect"
import { Base64Url } from "effect/encoding"
import { Problem } from "./Problem.ts"

/** The cursor is not one this list handed out. */
export class InvalidCursor extends Problem<InvalidCursor>()("InvalidCursor", {
  status: 400,
  title: "The cursor is not one that this list handed out"
}) {}

/** `?limit=&after=` of every list. */
export const pageQuery = {
  limit: Schema.optionalKey(
    Schema.NumberFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 1, maximum: 100 }))
  ),
  after: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(1024)))
}

/** The same of a call by RPC, whose payload has types. */
export const pageRequest = {
  limit: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 }))),
  after: pageQuery.after
}

export const defaultLimit = 20

/** One page of a list: `nextCursor` is the `after` of the next one, or null at the end. There is no total. */
export const Page = <S extends Schema.Top>(item: S) =>
  Schema.Struct({ data: Schema.Array(item), nextCursor: Schema.NullOr(Schema.String) })

export interface Page<A> {
  readonly data: ReadonlyArray<A>
  readonly nextCursor: string | null
}

/**
 * The cursor of one list: the sort key of the last row seen, opaque to clients. It holds no more than the row they were
 * shown, so it is encoded, not signed; whatever it says, the query still filters by owner.
 */
export const cursorOf = <A, I>(schema: Schema.Codec<A, I>) => {
  const json = Schema.fromJsonString(schema)
  const encode = Schema.encodeSync(json)
  return {
    encode: (key: A): string => Base64Url.encode(encode(key)),
    decode: (cursor: string): Effect.Effect<A, InvalidCursor> =>
      Effect.fromResult(Base64Url.decodeString(cursor)).pipe(
        Effect.flatMap(Schema.decodeEffect(json)),
        Effect.mapError(() => new InvalidCursor({}))
      )
  }
}

/** Cuts `limit + 1` rows into a page: the extra row only tells that there is more. */
export const toPage = <A>(rows: ReadonlyArray<A>, limit: number, cursor: (last: A) => string): Page<A> => {
  const data = rows.slice(0, limit)
  const last = data.at(-1)
  return { data, nextCursor: rows.length > limit && last !== undefined ? cursor(last) : null }
}
