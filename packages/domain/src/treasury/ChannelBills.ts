import { Context } from "effect"
import type { Effect, Option, Scope, Stream } from "effect"
import type { ChannelId } from "../payments/Payment.ts"
import type { BillDay, BillFormat } from "./Bill.ts"
import type { BillMalformed, BillUnavailable } from "./ReconciliationError.ts"

/** A channel at which the platform has an account, and what it tells of a day. */
export interface BillSource {
  readonly channel: ChannelId
  /** The platform's account there, such as its merchant number. */
  readonly account: string
  /** Null where this house has no way to the channel's bill; then `reason` says why. */
  readonly format: BillFormat | null
  readonly reason: string | null
  /** How far the channel's midnight is from that of UTC. */
  readonly offsetMinutes: number
}

/**
 * The channels' own accounts of a day, by the accounts of the platform. A download is a call of the network: never within a
 * transaction.
 */
export class ChannelBills extends Context.Service<
  ChannelBills,
  {
    readonly sources: ReadonlyArray<BillSource>
    /**
     * The bytes of the bill, in the format of its source, as they come. None where the channel says that nothing happened.
     * Where the channel told a hash, the stream fails at its end with `BillMalformed` if the bytes have another.
     */
    download(
      channel: ChannelId,
      day: BillDay
    ): Effect.Effect<
      Option.Option<Stream.Stream<Uint8Array, BillUnavailable | BillMalformed>>,
      BillUnavailable,
      Scope.Scope
    >
  }
>()("@mall/domain/treasury/ChannelBills") {}
