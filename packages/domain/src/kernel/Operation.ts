import { Context, Schema } from "effect"
import { HttpApiMiddleware } from "effect/http-api"
import { Problem } from "./Problem.ts"

/** The key was used before for a request with another path or body. */
export class IdempotencyKeyReused extends Problem<IdempotencyKeyReused>()("IdempotencyKeyReused", {
  status: 422,
  title: "This Idempotency-Key was used for another request"
}) {}

/** The first request with this key has not finished. */
export class IdempotencyInFlight extends Problem<IdempotencyInFlight>()("IdempotencyInFlight", {
  status: 409,
  title: "A request with this Idempotency-Key is still running",
  fields: { retryAfterSeconds: Schema.Int }
}) {}

/** The header is not 1 to 255 printable ASCII characters. */
export class InvalidIdempotencyKey extends Problem<InvalidIdempotencyKey>()("InvalidIdempotencyKey", {
  status: 400,
  title: "An Idempotency-Key has 1 to 255 printable characters"
}) {}

/**
 * The one thing that a request does. `id` is a UUIDv7 that every retry with the same `Idempotency-Key` shares, and a
 * fresh one for a request without a key. What the request creates takes it as its id, so that even a retry after a crash
 * finds the row instead of making a second one.
 */
export class Operation extends Context.Service<
  Operation,
  {
    readonly id: string
  }
>()("@mall/domain/kernel/Operation") {}

/**
 * `Idempotency-Key` on an endpoint: same caller, endpoint, key and request → the first answer again, with
 * `Idempotency-Replayed: true`. Kept 24 h; shape errors are not kept. Comes after `Authorization`, whose user is the scope; who
 * is not signed in is told from others by the `CallerSecret` of the endpoint.
 */
export class Idempotent extends HttpApiMiddleware.Service<Idempotent, { provides: Operation }>()(
  "@mall/domain/kernel/Idempotent",
  { error: [InvalidIdempotencyKey, IdempotencyKeyReused, IdempotencyInFlight] }
) {}

/**
 * The answer of an idempotent endpoint shows a secret that is to be nowhere afterwards: it is not kept, and a repeated request
 * reaches the service again, with the same operation id.
 */
export const OneTimeAnswer = Context.Reference<boolean>("@mall/domain/kernel/OneTimeAnswer", {
  defaultValue: () => false
})

/** The header whose secret names a caller who is not signed in. Where there is none, the address of the request names them. */
export const CallerSecret = Context.Reference<string | undefined>("@mall/domain/kernel/CallerSecret", {
  defaultValue: () => undefined
})
