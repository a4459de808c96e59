import type { BillDay } from "@mall/domain/treasury/Bill"
import { ChannelBills } from "@mall/domain/treasury/ChannelBills"
import type { BilledAccount, BillSource, OwnBillSource } from "@mall/domain/treasury/ChannelBills"
import { BillMalformed, BillUnavailable } from "@mall/domain/treasury/ReconciliationError"
import { Effect, Layer, Option, Stream } from "effect"
import type { Channel, ChannelBill } from "../channel/Channel.ts"
import type { ChannelError } from "../channel/ChannelError.ts"
import { Channels } from "../channel/Channels.ts"
import { PlatformChannels } from "../channel/PlatformChannels.ts"
import { CallSubject } from "../log/CallSubject.ts"
import { OwnAccountReads } from "./OwnAccountReads.ts"
import type { OwnAccount } from "./OwnAccountReads.ts"

const dayMillis = 86_400_000

const sourceOf = ({ account, bill, id }: Channel): BillSource =>
  bill === undefined
    ? {
        channel: id,
        account: Object.values(account).join("/"),
        merchantId: null,
        format: null,
        reason: `The bill of ${id} is not read here yet: compare it by hand`,
        offsetMinutes: 0
      }
    : {
        ...{ channel: id, account: bill.account, merchantId: null },
        ...{ format: bill.format, reason: null, offsetMinutes: bill.offsetMinutes }
      }

/** The port `ChannelBills`, over the platform's accounts at the channels and those of merchants. */
export const layerNoDeps = Layer.effect(
  ChannelBills,
  Effect.gen(function* () {
    const channels = yield* Channels
    const { definitions } = yield* PlatformChannels
    const accounts = yield* OwnAccountReads

    const ownSourceOf = ({ isUsable, ...account }: OwnAccount): OwnBillSource => {
      const terms = definitions.find(({ id }) => id === account.channel)?.own?.bill
      if (terms !== undefined && isUsable) return { ...account, ...terms, reason: null }
      const reason = isUsable
        ? `The bill of ${account.channel} is not read here`
        : "The credentials of this account are retired"
      return { ...account, format: null, reason, offsetMinutes: terms?.offsetMinutes ?? 0 }
    }

    /** The bill as who has the account asks for it. */
    const billOf = Effect.fnUntraced(function* (account: BilledAccount): Effect.fn.Return<ChannelBill | undefined> {
      const { channel, merchantId } = account
      if (merchantId === null) return Option.getOrUndefined(channels.find(channel))?.bill
      const versions = yield* Effect.orDie(accounts.versions(account))
      const own = yield* channels.of(merchantId)
      for (const id of versions) {
        const made = own.madeWith(channel, id)
        if (Option.isSome(made)) return made.value.bill
      }
      return undefined
    })

    const unavailable =
      (channel: string, day: BillDay) =>
      ({ reason }: ChannelError) =>
        new BillUnavailable({ channel, day, reason: reason.message })

    return ChannelBills.of({
      sources: channels.all.map(sourceOf),
      own: Effect.fn("ChannelBills.own")(function* (since, after, limit) {
        return (yield* Effect.orDie(accounts.page(since, after, limit))).map(ownSourceOf)
      }),
      ownOf: Effect.fn("ChannelBills.ownOf")(function* (merchantId) {
        return (yield* Effect.orDie(accounts.of(merchantId))).map(ownSourceOf)
      }),
      download: Effect.fn("ChannelBills.download")(
        function* (account, day) {
          const { channel } = account
          const bill = yield* billOf(account)
          if (bill === undefined) {
            return yield* new BillUnavailable({ channel, day, reason: "nothing here can ask for it" })
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
