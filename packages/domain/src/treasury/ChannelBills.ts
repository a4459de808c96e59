import { Context } from "effect"
import type { Effect, Option, Scope, Stream } from "effect"
import type { MerchantId } from "../merchants/Merchant.ts"
import type { ChannelId } from "../payments/Payment.ts"
import type { BillDay, BillFormat } from "./Bill.ts"
import type { BillMalformed, BillUnavailable } from "./ReconciliationError.ts"

/** An account at a channel, as its bills are of it. */
export interface BilledAccount {
  readonly channel: ChannelId
  /** Such as the merchant number there. */
  readonly account: string
  /** Whose own account it is; null where it is the platform's. */
  readonly merchantId: MerchantId | null
}

/** An account, and what its channel tells of a day. */
export interface BillSource extends BilledAccount {
  /** Null where this house has no way to the channel's bill; then `reason` says why. */
  readonly format: BillFormat | null
  readonly reason: string | null
  /** How far the channel's midnight is from that of UTC. */
  readonly offsetMinutes: number
}

/** A merchant's own account. */
export interface OwnBillSource extends BillSource {
  readonly merchantId: MerchantId
  /** From when on payments may have gone through it. */
  readonly since: Date
  /** Whether new payments go through it. */
  readonly isCurrent: boolean
}

/**
 * What channels tell of a day, by the accounts of the platform and those of merchants. A download is a call of the network: never
 * within a transaction.
 */
export class ChannelBills extends Context.Service<
  ChannelBills,
  {
    /** The platform's. */
    readonly sources: ReadonlyArray<BillSource>
    /**
     * Merchants' own accounts in their order, at most `limit` behind `after`: those in use, and former ones through which something
     * went since `since`.
     */
    own(since: Date, after: BilledAccount | null, limit: number): Effect.Effect<ReadonlyArray<OwnBillSource>>
    /** Of one merchant all that they ever had, those in use first. */
    ownOf(merchantId: MerchantId): Effect.Effect<ReadonlyArray<OwnBillSource>>
    /**
     * The bytes of the bill, in the format of its source, as they come. None where the channel says that nothing happened.
     * Where the channel told a hash, the stream fails at its end with `BillMalformed` if the bytes have another.
     */
    download(
      account: BilledAccount,
      day: BillDay
    ): Effect.Effect<
      Option.Option<Stream.Stream<Uint8Array, BillUnavailable | BillMalformed>>,
      BillUnavailable,
      Scope.Scope
    >
  }
>()("@mall/domain/treasury/ChannelBills") {}
