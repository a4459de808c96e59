import type { BillDay } from "@mall/domain/treasury/Bill"
import { ChannelBills } from "@mall/domain/treasury/ChannelBills"
import type { BillSource } from "@mall/domain/treasury/ChannelBills"
import { BillMalformed, BillUnavailable } from "@mall/domain/treasury/ReconciliationError"
import { Effect, Layer, Option, Stream } from "effect"
import type { Channel } from "../channel/Channel.ts"
import type { ChannelError } from "../channel/ChannelError.ts"
import { Channels } from "../channel/Channels.ts"
import { CallSubject } from "../log/CallSubject.ts"

const dayMillis = 86_400_000

const sourceOf = ({ account, bill, id }: Channel): BillSource =>
  bill === undefined
    ? {
        channel: id,
        account: Object.values(account).join("/"),
        format: null,
        reason: `The bill of ${id} is not read here yet: compare it by hand`,
        offsetMinutes: 0
      }
    : { channel: id, account: bill.account, format: bill.format, reason: null, offsetMinutes: bill.offsetMinutes }

/** The port `ChannelBills`, over the platform's accounts at the channels. */
export const layerNoDeps = Layer.effect(
  ChannelBills,
  Effect.gen(function* () {
    const channels = yield* Channels

    const unavailable =
      (channel: string, day: BillDay) =>
      ({ reason }: ChannelError) =>
        new BillUnavailable({ channel, day, reason: reason.message })

    return ChannelBills.of({
      sources: channels.all.map(sourceOf),
      download: Effect.fn("ChannelBills.download")(
        function* (channel, day) {
          const bill = Option.getOrUndefined(channels.find(channel))?.bill
          if (bill === undefined) {
            return yield* new BillUnavailable({ channel, day, reason: "it has none that is read here" })
          }
          const from = Date.parse(`${day}T00:00:00Z`) - bill.offsetMinutes * 60_000
          const asUnavailable = unavailable(channel, day)
          const bytes = yield* bill
            .download({ day, from: new Date(from), to: new Date(from + dayMillis) })
            .pipe(Effect.mapError(asUnavailable))
          return Option.map(
            bytes,
            Stream.mapError((error) => (error instanceof BillMalformed ? error : asUnavailable(error)))
          )
        },
        // a bill is about no payment
        Effect.provideService(CallSubject, undefined)
      )
    })
  })
)
