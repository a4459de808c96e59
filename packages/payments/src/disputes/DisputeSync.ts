import { DisputeRefused, DisputeUndecided } from "@mall/domain/payments/DisputeError"
import type { DisputeId } from "@mall/domain/payments/Dispute"
import { ChannelUnavailable } from "@mall/domain/payments/PaymentError"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { Context, DateTime, Duration, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import type { Channel, ChannelDispute, ChannelDisputes } from "../channel/Channel.ts"
import type { ChannelError } from "../channel/ChannelError.ts"
import { PaymentBooks } from "../books/PaymentBooks.ts"
import { Channels } from "../channel/Channels.ts"
import { announceDispute } from "./announceDispute.ts"
import type { DisputeRow } from "./DisputeRecord.ts"
import { DisputeRepo } from "./DisputeRepo.ts"
import { DisputesConfig } from "./DisputesConfig.ts"
import { DisputeStore } from "./DisputeStore.ts"
import type { Source } from "./DisputeStore.ts"

/** How many disputes of a channel are looked through at a time for those that we never heard of: as many as Stripe lists. */
const pageSize = 100

/** How far a look goes back: to a page on which everything is known, as after an earlier look, or through all there is. */
export type Reach = "known" | "everything"

export type ChannelFailure = ChannelUnavailable | DisputeRefused | DisputeUndecided

/** A channel that has disputes. */
export interface DisputeChannel {
  readonly channel: Channel
  readonly disputes: ChannelDisputes
}

/** What a channel's failure means to who asked. */
const toFailure =
  (row: DisputeRow) =>
  ({ reason }: ChannelError): ChannelFailure => {
    switch (reason._tag) {
      case "ChannelNotSent":
        return new ChannelUnavailable({ channel: row.channel })
      case "ChannelOutcomeUnknown":
        return new DisputeUndecided({ disputeId: row.id })
      case "ChannelDeclined":
      case "ChannelRefusedRequest":
        return new DisputeRefused({ disputeId: row.id, reason: reason.code })
    }
  }

/** Asks the channels about disputes, and has their answers learned. Calls no channel in a transaction. */
export class DisputeSync extends Context.Service<
  DisputeSync,
  {
    /** Answers with the channel's number of the file; the same `key` again is the same file. */
    upload(
      row: DisputeRow,
      file: Parameters<ChannelDisputes["upload"]>[0],
      key: string
    ): Effect.Effect<string, ChannelFailure>
    /**
     * Has the channel do something, and what it then says of the dispute learned; `within` joins that transaction. A clear
     * refusal leaves everything as it was; after an unclear answer the channel is asked by the sweep, at once.
     */
    tell(
      row: DisputeRow,
      call: (disputes: ChannelDisputes) => Effect.Effect<ChannelDispute, ChannelError>,
      as: { readonly actor: string; readonly reason: string },
      within?: Effect.Effect<void, SqlError>
    ): Effect.Effect<void, ChannelFailure>
    /** Asks now. A dispute that was given up, and whose channel never heard of it, is given up there. */
    sync(row: DisputeRow, actor: string): Effect.Effect<void, ChannelFailure>
    /** Asks about a dispute of the channel if what was told of it is in doubt; says nothing where there is no clear answer. */
    follow(channel: string, channelReference: string): Effect.Effect<void>
    /** Asks about disputes that are due; answers with how many there were. */
    sweep(limit: number): Effect.Effect<number>
    /** Finds disputes whose notices never came, from the newest of each channel back; answers with how many. */
    discover(reach: Reach): Effect.Effect<number>
  }
>()("@mall/payments/disputes/DisputeSync") {
  static readonly layerNoDeps = Layer.effect(
    DisputeSync,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const books = yield* PaymentBooks
      const channels = yield* Channels
      const repo = yield* DisputeRepo
      const store = yield* DisputeStore
      const { syncInterval } = yield* DisputesConfig

      const channelOf = (row: DisputeRow) => {
        const channel = Option.getOrUndefined(channels.find(row.channel))
        return channel?.disputes === undefined
          ? Effect.fail(new ChannelUnavailable({ channel: row.channel }))
          : Effect.succeed<DisputeChannel>({ channel, disputes: channel.disputes })
      }

      const learn = Effect.fnUntraced(
        function* (channel: Channel, told: ChannelDispute, source: Source, within: Effect.Effect<void, SqlError>) {
          const learned = yield* store.learn(channel, told, source).pipe(
            Effect.tap(within),
            Effect.tap(({ news }) => books.record([], news === undefined ? [] : [news])),
            sql.withTransaction,
            retryConflicts
          )
          if (learned.news !== undefined) yield* announceDispute(learned.news)
          return learned
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const askSoon = Effect.fnUntraced(
        function* (id: DisputeId) {
          yield* repo.askAt(id, yield* DateTime.nowAsDate)
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const tell = Effect.fnUntraced(function* (
        row: DisputeRow,
        call: (disputes: ChannelDisputes) => Effect.Effect<ChannelDispute, ChannelError>,
        as: { readonly actor: string; readonly reason: string },
        within: Effect.Effect<void, SqlError> = Effect.void
      ) {
        const { channel, disputes } = yield* channelOf(row)
        const told = yield* call(disputes).pipe(
          Effect.tapErrorTag("ChannelError", ({ reason }) =>
            Effect.logWarning("channel gave no clear answer about a dispute").pipe(
              Effect.annotateLogs({ disputeId: row.id, what: as.reason, code: reason.code })
            )
          ),
          Effect.mapError(toFailure(row)),
          Effect.tapErrorTag("DisputeUndecided", () => askSoon(row.id))
        )
        yield* learn(channel, told, { by: "asked", version: row.version, ...as }, within)
      })

      const upload = Effect.fn("DisputeSync.upload")(function* (
        row: DisputeRow,
        file: Parameters<ChannelDisputes["upload"]>[0],
        key: string
      ) {
        const { disputes } = yield* channelOf(row)
        return yield* Effect.mapError(disputes.upload(file, key), toFailure(row))
      })

      const sync = Effect.fn("DisputeSync.sync")(function* (row: DisputeRow, actor: string) {
        yield* tell(row, ({ query }) => query(row.channelReference), { actor, reason: "asked the channel" })
        const current = yield* repo.find(row.id).pipe(Effect.catchTag("SqlError", Effect.die))
        if (Option.isNone(current)) return
        const { acceptedBy, channelReference, id, status } = current.value
        if (acceptedBy === null || status !== "needs_response") return
        yield* tell(current.value, ({ accept }) => accept(channelReference, `accept-${id}`), {
          actor: acceptedBy,
          reason: "given up"
        })
      })

      const syncQuietly = (row: DisputeRow) =>
        sync(row, `channel:${row.channel}`).pipe(
          Effect.catchTags({
            ChannelUnavailable: () => Effect.void,
            DisputeUndecided: () => Effect.void,
            DisputeRefused: ({ reason }) =>
              Effect.logWarning("channel refused a question about a dispute").pipe(
                Effect.annotateLogs({ disputeId: row.id, code: reason })
              )
          })
        )

      const until = (now: Date) => new Date(now.getTime() + Duration.toMillis(syncInterval))

      const follow = Effect.fn("DisputeSync.follow")(
        function* (channel: string, channelReference: string) {
          const row = Option.getOrUndefined(yield* repo.findOf(channel, channelReference))
          const now = yield* DateTime.nowAsDate
          if (row === undefined || row.nextSyncAt === null || row.nextSyncAt > now) return
          yield* repo.askAt(row.id, until(now))
          yield* syncQuietly(row)
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const sweep = Effect.fn("DisputeSync.sweep")(
        function* (limit: number) {
          const now = yield* DateTime.nowAsDate
          const due = yield* repo.claimSync(now, until(now), limit)
          yield* Effect.forEach(due, syncQuietly, { concurrency: 4, discard: true })
          return due.length
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const unknownOf = Effect.fnUntraced(function* (channel: Channel, listed: ReadonlyArray<ChannelDispute>) {
        const unknown: Array<ChannelDispute> = []
        for (const told of listed) {
          if (Option.isNone(yield* repo.findOf(channel.id, told.channelReference))) unknown.push(told)
        }
        return unknown
      })

      const discoverOf = Effect.fnUntraced(function* ({ channel, disputes }: DisputeChannel, reach: Reach) {
        const found: Array<ChannelDispute> = []
        let after: string | undefined
        do {
          const { data, hasMore } = yield* disputes.list(pageSize, after)
          const unknown = yield* unknownOf(channel, data)
          found.push(...unknown)
          const goesOn = hasMore && (reach === "everything" || unknown.length > 0)
          after = goesOn ? data.at(-1)?.channelReference : undefined
        } while (after !== undefined)
        let count = 0
        // the oldest first: were this to stop halfway, the next look would still reach what is missing
        for (const told of found.toReversed()) {
          const { type } = yield* learn(channel, told, { by: "told", at: told.openedAt }, Effect.void)
          if (type === "changed") count++
        }
        return count
      })

      const discover = Effect.fn("DisputeSync.discover")(
        function* (reach: Reach) {
          let count = 0
          for (const channel of channels.all) {
            if (channel.disputes === undefined) continue
            count += yield* discoverOf({ channel, disputes: channel.disputes }, reach).pipe(
              Effect.catchTag("ChannelError", ({ reason }) =>
                Effect.as(
                  Effect.logWarning("channel did not list its disputes").pipe(
                    Effect.annotateLogs({ channel: channel.id, code: reason.code })
                  ),
                  0
                )
              )
            )
          }
          return count
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      return DisputeSync.of({ upload, tell, sync, follow, sweep, discover })
    })
  )
}
