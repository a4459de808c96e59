import { generator } from "@mall/domain/kernel/Id"
import { currentTraceId } from "@mall/platform/currentTraceId"
import { Context, DateTime, Effect, Layer } from "effect"
import { CallbackId, CallbackInbox } from "../callbacks/CallbackInbox.ts"
import { CallbackRuns } from "../callbacks/CallbackRuns.ts"
import type { Channel, ChannelWatch } from "../channel/Channel.ts"
import { Channels } from "../channel/Channels.ts"
import { SecurityEvents } from "../callbacks/SecurityEvents.ts"

const newCallbackId = generator(CallbackId)

/** Looks at the channels that send no notices, and puts what happened there into the inbox that notices go to. */
export class ChannelWatches extends Context.Service<
  ChannelWatches,
  {
    /** One look at each; answers with how much there was to tell of. A channel that does not answer now is looked at next time. */
    sweep(limit: number): Effect.Effect<number>
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
        for (const details of incidents) {
          yield* securityEvents.record({ kind: "chain_reorganised", channel, details })
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

      return ChannelWatches.of({
        sweep: Effect.fn("ChannelWatches.sweep")(
          function* (limit) {
            const counts = yield* Effect.forEach(channels.all, (channel) =>
              channel.watch === undefined
                ? Effect.succeed(0)
                : look(channel, channel.watch, limit).pipe(
                    Effect.catchTag("ChannelError", ({ reason }) =>
                      Effect.as(
                        Effect.logWarning("channel not looked at").pipe(
                          Effect.annotateLogs({ channel: channel.id, code: reason.code })
                        ),
                        0
                      )
                    )
                  )
            )
            return counts.reduce((sum, count) => sum + count, 0)
          },
          Effect.catchTag("SqlError", Effect.die)
        )
      })
    })
  )
}
