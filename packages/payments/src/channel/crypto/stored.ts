import { retryConflicts } from "@mall/platform/retryConflicts"
import { Effect } from "effect"
import type { Schema } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { ChannelError } from "../ChannelError.ts"
import { fromNetwork } from "../channelFailure.ts"

/** Our own books as a part of the channel: while they cannot be read nothing is certain. A row that fails to decode is a defect. */
export const stored = <A, R>(
  effect: Effect.Effect<A, ChannelError | SqlError | Schema.SchemaError, R>
): Effect.Effect<A, ChannelError, R> =>
  effect.pipe(
    retryConflicts,
    Effect.catchTags({
      SchemaError: Effect.die,
      SqlError: (error) =>
        Effect.andThen(Effect.logError("crypto books not reached", error), Effect.fail(fromNetwork("DATABASE")))
    })
  )
