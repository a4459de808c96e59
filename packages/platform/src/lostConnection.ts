import { Effect, Schedule } from "effect"
import { isSqlError, SqlError, UnknownError } from "effect/sql/SqlError"

const message = "The connection was lost, and whether PostgreSQL did what it was asked is not known"

/** What a lost connection means to who asked for something that is done, or not, by the time that the answer comes. */
export const outcomeUnknown = (error: SqlError) =>
  error.reason._tag === "ConnectionError"
    ? new SqlError({ reason: new UnknownError({ cause: error, message, operation: error.reason.operation }) })
    : error

/** The connection was lost while a transaction was being committed, or a statement of its own was run. */
export const isOutcomeUnknown = (error: unknown) => isSqlError(error) && error.reason.message === message

/**
 * Runs again what lost its connection, a moment later and on another one. Only for what changes nothing, or is the same done twice:
 * PostgreSQL may have done it.
 */
export const retryLost = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.retry(effect, {
    while: (error) => isSqlError(error) && (error.reason._tag === "ConnectionError" || isOutcomeUnknown(error)),
    schedule: Schedule.jittered(Schedule.exponential("20 millis")),
    times: 3
  })
