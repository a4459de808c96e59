import { Context, Effect } from "effect"

/** The `Idempotency-Key` that requests carry; none unless told. */
export const IdempotencyKey = Context.Reference<string | undefined>("@mall/client/IdempotencyKey", {
  defaultValue: () => undefined
})

/**
 * Sends `key` with the requests of an effect, so that it can be repeated without doing anything twice.
 *
 * @example
 * mall.checkout.checkout({ payload }).pipe(withIdempotencyKey(key), Effect.retry({ times: 3 }))
 */
export const withIdempotencyKey =
  (key: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.provideService(effect, IdempotencyKey, key)
