import type { Currency } from "@mall/domain/kernel/Currency"
import type { Money } from "@mall/domain/kernel/Money"

/** What the kit has to be told of a channel; everything else it finds out from the adapter and its stand-in. */
export interface ChannelProfile {
  readonly id: string
  readonly method: string
  readonly currency: Currency
  readonly payer?: Readonly<Record<string, string>>
  /** The stand-in's words for an order that money was taken for. */
  readonly paidStates: ReadonlyArray<string>
  /** An error by which the channel finally declines a creation, with the status it comes with. */
  readonly decline: { readonly status: number; readonly code: string }
  /** What the request of a creation must contain for this amount, as it goes over the wire. */
  readonly amountOnWire: (amount: Money) => string
  /** The headers, in lower case, without which a notice is not sealed; none where the seal is in the body. */
  readonly sealHeaders: ReadonlyArray<string>
  /** How often the channel's own library sends a call again whose connection broke; none where it does not. */
  readonly resends?: number
  /**
   * Where the buyer only agrees at the channel, the stand-in's operation by which we take the money, which a question does;
   * none where the channel takes it by itself.
   */
  readonly captureOperation?: "capture"
  /** And the stand-in's word for an order that the buyer agreed to and whose money is not taken. */
  readonly agreedState?: string
  /** Which question of the stand-in's words an operation needs, where what the channel is asked names it otherwise. */
  readonly faultsAt?: Readonly<Record<string, string>>
  /**
   * The channel is a chain: it sends no notices, so that we look at it; it knows no orders, and may be paid whenever somebody
   * likes. `witness` is the setting that names a second node, and where the stand-in has it.
   */
  readonly chain?: {
    readonly witness: { readonly setting: string; readonly path: string }
  }
  /** How many times as long as usual we wait for a call, and what is too late takes; once where it is not told. */
  readonly slowness?: number
  /** Further settings of payments or of the sandbox. */
  readonly environment?: Readonly<Record<string, string>>
}
