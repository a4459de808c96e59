import { generator } from "@mall/domain/kernel/Id"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { Context, DateTime, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { CallbackId, CallbackInbox } from "../callbacks/CallbackInbox.ts"
import { CallbackRuns } from "../callbacks/CallbackRuns.ts"
import type { Channel, ChannelWatch } from "../channel/Channel.ts"
import { Channels } from "../channel/Channels.ts"
import type { ChannelError } from "../channel/ChannelError.ts"
import { SecurityEvents } from "../callbacks/SecurityEvents.ts"

const newCallbackId = generator(CallbackId)

/** Looks at the channels that send no notices, and puts what happened there into the inbox that notices go to. */
export class ChannelWatches extends Context.Service<
  ChannelWatches,
  {
    /** One look at each; answers with how much there was to tell of. A channel that does not answer now is looked at next time. */
    sweep(limit: number): Effect.Effect<number>
    /** Sends on what lies at the channels; answers with of how many payments. */
    readonly gather: Effect.Effect<number>
  }
>()("@mall/payments/lifecycle/ChannelWatches") {
  static readonly layerNoDeps = Layer.effect(
    ChannelWatches,
    Effect.gen(function* () {
      const channels = yield* Channels
      const inbox = yield* CallbackInbox
      const runs = yield* CallbackRuns
      const securityEvents = yield* SecurityEvents

      // A notice is marked as told once it is in the inbox: after a crash between, it comes again and is a duplicate there.
      const look = Effect.fnUntraced(function* ({ id: channel }: Channel, watch: ChannelWatch, limit: number) {
        const { incidents, notices } = yield* watch.look(limit)
        for (const { details, kind } of incidents) {
          yield* securityEvents.record({ kind, channel, details })
        }
        const traceId = yield* currentTraceId
        const now = yield* DateTime.nowAsDate
        const ids = yield* Effect.forEach(
          notices,
          (notice) =>
            Effect.flatMap(newCallbackId, (id) =>
              Effect.as(inbox.store(id, { channel, merchantId: null }, notice, { now, traceId }), id)
            ),
          { concurrency: "unbounded" }
        )
        yield* watch.told(notices)
        yield* Effect.forEach(ids, (id) => runs.run(id, null), { concurrency: "unbounded", discard: true })
        return notices.length
      })

      /** One that does not answer now is asked next time. */
      const orNextTime = ({ id }: Channel, work: Effect.Effect<number, ChannelError | SqlError>) =>
        work.pipe(
          Effect.catchTag("ChannelError", ({ reason }) =>
            Effect.as(
              Effect.logWarning("channel not looked at").pipe(Effect.annotateLogs({ channel: id, code: reason.code })),
              0
            )
          )
        )
      const sum = (counts: ReadonlyArray<number>) => counts.reduce((total, count) => total + count, 0)

      return ChannelWatches.of({
        gather: Effect.forEach(channels.all, (channel) =>
          orNextTime(channel, channel.gather ?? Effect.succeed(0))
        ).pipe(Effect.map(sum), Effect.catchTag("SqlError", Effect.die), Effect.withSpan("ChannelWatches.gather")),
        sweep: Effect.fn("ChannelWatches.sweep")(
          function* (limit) {
            const counts = yield* Effect.forEach(channels.all, (channel) =>
              channel.watch === undefined ? Effect.succeed(0) : orNextTime(channel, look(channel, channel.watch, limit))
            )
            return sum(counts)
          },
          Effect.catchTag("SqlError", Effect.die)
        )
      })
    })
  )
}
