import { Effect, Schedule } from "effect"
import { isSqlError, SqlError, UnknownError } from "effect/sql/SqlError"

const message = "The connection was lost, and whether PostgreSQL did what it was asked is not known"

const hasLostConnection = (error: unknown): error is SqlError =>
  isSqlError(error) && error.reason._tag === "ConnectionError"

/** What a lost connection means to who asked for something that is done, or not, by the time that the answer comes. */
export const outcomeUnknown = (error: SqlError) =>
  hasLostConnection(error)
    ? new SqlError({ reason: new UnknownError({ cause: error, message, operation: error.reason.operation }) })
    : error

/** The connection was lost while a transaction was being committed, or a statement of its own was run. */
export const isOutcomeUnknown = (error: unknown) =>
  isSqlError(error) && error.reason._tag === "UnknownError" && hasLostConnection(error.reason.cause)

/** The connection was lost, whatever became of what was asked. */
export const isLost = (error: unknown) => hasLostConnection(error) || isOutcomeUnknown(error)

/**
 * Runs again what lost its connection, a moment later and on another one. Only for what changes nothing, or is the same done twice:
 * PostgreSQL may have done it.
 */
export const retryLost = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.retry(effect, {
    while: isLost,
    schedule: Schedule.jittered(Schedule.exponential("20 millis")),
    times: 3
  })
