import { Effect, Layer, Schedule } from "effect"
import { MessageStorage, Snowflake, SqlMessageStorage } from "effect/cluster"
import type { PersistenceError } from "effect/cluster/ClusterError"
import { isSqlError } from "effect/sql/SqlError"
import { isLost } from "./lostConnection.ts"

const isTaken = ({ cause }: PersistenceError) => isSqlError(cause) && cause.reason._tag === "UniqueViolation"

const again = {
  while: ({ cause }: PersistenceError) => isLost(cause),
  schedule: Schedule.jittered(Schedule.exponential("50 millis")),
  times: 6
}

const retried = <A extends ReadonlyArray<unknown>, B>(method: (...args: A) => Effect.Effect<B, PersistenceError>) => {
  return (...args: A) => Effect.retry(method(...args), again)
}

/** The same for what adds a row by an id of its own: found there after a try that was lost, it is what that try has added. */
const added = <B>(add: Effect.Effect<B, PersistenceError>, done: B) =>
  Effect.suspend(() => {
    let wasLost = false
    return add.pipe(
      Effect.tapError((error) => Effect.sync(() => (wasLost ||= isLost(error.cause)))),
      Effect.retry(again),
      Effect.catchIf(
        (error) => wasLost && isTaken(error),
        () => Effect.succeed(done)
      )
    )
  })

/**
 * Messages are handed out by a claim of ten minutes. Where the answer was lost nobody has what was claimed: so all claims of these
 * shards are given up before the next. Messages that are being worked on are handed out then too; the engine leaves them out.
 */
const claiming = ({ resetShards, unprocessedMessages }: MessageStorage.Encoded) => {
  let wasLost = false
  const claim: MessageStorage.Encoded["unprocessedMessages"] = (shards, ...rest) =>
    Effect.suspend(() => (wasLost ? resetShards(shards) : Effect.void)).pipe(
      Effect.andThen(Effect.sync(() => (wasLost = false))),
      Effect.andThen(unprocessedMessages(shards, ...rest)),
      Effect.tapError((error) => Effect.sync(() => (wasLost ||= isLost(error.cause))))
    )
  return retried(claim)
}

const success = MessageStorage.SaveResultEncoded.Success()

/**
 * The engine's messages in the database. A workflow of which one cannot be written or read fails, and what it does is undone: so
 * each is tried again where the connection was lost.
 */
export const layer = Layer.effect(
  MessageStorage.MessageStorage,
  SqlMessageStorage.makeEncodedStorage({}).pipe(
    Effect.map((storage): MessageStorage.Encoded => ({
      ...storage,
      saveEnvelope: (options) => added(storage.saveEnvelope(options), success),
      saveReply: (reply) => added(storage.saveReply(reply), undefined),
      clearReplies: retried(storage.clearReplies),
      requestIdForPrimaryKey: retried(storage.requestIdForPrimaryKey),
      repliesFor: retried(storage.repliesFor),
      repliesForUnfiltered: retried(storage.repliesForUnfiltered),
      unprocessedMessages: claiming(storage),
      unprocessedMessagesById: retried(storage.unprocessedMessagesById),
      resetRequests: retried(storage.resetRequests),
      resetAddresses: retried(storage.resetAddresses),
      clearAddress: retried(storage.clearAddress),
      resetShards: retried(storage.resetShards)
    })),
    Effect.flatMap(MessageStorage.makeEncoded)
  )
).pipe(Layer.provide(Snowflake.layerGenerator))
