import { Context, Effect, Layer, Queue } from "effect"
import type { HttpServerRequest } from "effect/http"
import { HttpRouter } from "effect/http"
import { Callbacks } from "../../src/callbacks/Callbacks.ts"
import type { CallbackAnswer, RawCallback } from "../../src/channel/Channel.ts"
import { Channels } from "../../src/channel/Channels.ts"
import { receiveCallback } from "../../src/callbacks/receiveCallback.ts"

/** Our callback address as the wire sees it: counts what is refused, and can take notices away before they are heard. */
export class NoticeTap extends Context.Service<
  NoticeTap,
  {
    /** From now on notices are acknowledged and kept here, as if we had lost them. */
    readonly withhold: Effect.Effect<void>
    readonly release: Effect.Effect<void>
    /** The next notice that was taken away; waits for it. */
    readonly taken: Effect.Effect<RawCallback>
    /** Notices that were answered otherwise than by an acknowledgement, since the last `reset`. */
    readonly refusals: Effect.Effect<number>
    /** Lets notices through, and forgets those that were taken away. */
    readonly reset: Effect.Effect<void>
    answer(channel: string, raw: RawCallback): Effect.Effect<CallbackAnswer | undefined>
    note(channel: string, answer: CallbackAnswer): Effect.Effect<void>
  }
>()("@mall/payments/test/NoticeTap") {
  static readonly layer = Layer.effect(
    NoticeTap,
    Effect.gen(function* () {
      const channels = yield* Channels
      const withheld = yield* Queue.unbounded<RawCallback>()
      let isWithholding = false
      let refusals = 0
      const acknowledgementOf = (id: string) =>
        Effect.map(Effect.fromOption(channels.find(id)), (c) => c.acknowledgement)
      return NoticeTap.of({
        withhold: Effect.sync(() => {
          isWithholding = true
        }),
        release: Effect.sync(() => {
          isWithholding = false
        }),
        taken: Queue.take(withheld).pipe(
          Effect.timeoutOrElse({
            duration: "5 seconds",
            orElse: () => Effect.die(new Error("The channel sent no notice"))
          })
        ),
        refusals: Effect.sync(() => refusals),
        reset: Effect.andThen(
          Queue.clear(withheld),
          Effect.sync(() => {
            isWithholding = false
            refusals = 0
          })
        ),
        answer: (channel, raw) =>
          isWithholding
            ? Effect.andThen(Queue.offer(withheld, raw), Effect.orDie(acknowledgementOf(channel)))
            : Effect.undefined,
        note: (channel, answer) =>
          Effect.map(Effect.orDie(acknowledgementOf(channel)), (acknowledgement) => {
            if (answer.status !== acknowledgement.status || answer.body !== acknowledgement.body) refusals++
          })
      })
    })
  )
}

/** The addresses that channels send their notices to. */
export const CallbackRoutes = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const callbacks = yield* Callbacks
    const tap = yield* NoticeTap
    const tapped = Callbacks.of({
      ...callbacks,
      receive: Effect.fnUntraced(function* (address, raw) {
        const { channel } = address
        const withheld = yield* tap.answer(channel, raw)
        if (withheld !== undefined) return withheld
        const answer = yield* callbacks.receive(address, raw)
        yield* tap.note(channel, answer)
        return answer
      }),
      refuseTooLarge: (address) =>
        Effect.tap(callbacks.refuseTooLarge(address), (answer) => tap.note(address.channel, answer))
    })
    const receive = (channel: string, request: HttpServerRequest.HttpServerRequest) =>
      receiveCallback(tapped, { channel }, request)
    yield* router.add("POST", "/callbacks/:channel", (request) =>
      Effect.flatMap(HttpRouter.params, ({ channel = "" }) => receive(channel, request))
    )
    yield* router.add("POST", "/api/webhook/wechat/payment", (request) => receive("wechatpay_v2", request))
  })
)
