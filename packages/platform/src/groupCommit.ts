import { gatherWhileBusy } from "./gatherWhileBusy.ts"
import { isOutcomeUnknown } from "./lostConnection.ts"
import { Effect, RequestResolver } from "effect"
import type { Exit, Request } from "effect"
import { isSqlError } from "effect/sql/SqlError"
import type { SqlError } from "effect/sql/SqlError"

/**
 * Requests that come at the same time share `commit`, which completes them all or fails with nothing done. Where the
 * database refuses a group, each of its requests goes alone, so that one that it refuses spoils no other; that one
 * completes with what `refused` makes of the error. So do all of a group of which nobody knows whether it was committed.
 */
export const groupCommit = <A extends Request.Any>(options: {
  readonly commit: (entries: ReadonlyArray<Request.Entry<A>>) => Effect.Effect<void, SqlError>
  readonly refused: (error: SqlError) => Exit.Exit<Request.Success<A>, Request.Error<A>>
  readonly maxBatch: number
}): RequestResolver.RequestResolver<A> => {
  const refuse = (entries: ReadonlyArray<Request.Entry<A>>, error: SqlError) =>
    Effect.sync(() => {
      for (const entry of entries) entry.completeUnsafe(options.refused(error))
    })
  const alone = (entry: Request.Entry<A>) =>
    Effect.catchIf(options.commit([entry]), isSqlError, (error) => refuse([entry], error))
  return gatherWhileBusy(
    RequestResolver.make<A>((entries) =>
      entries.length === 1
        ? alone(entries[0])
        : Effect.catchIf(options.commit(entries), isSqlError, (error) =>
            isOutcomeUnknown(error) ? refuse(entries, error) : Effect.forEach(entries, alone, { discard: true })
          )
    ),
    options.maxBatch
  )
}
