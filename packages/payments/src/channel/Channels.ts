import type { Currency } from "@mall/domain/kernel/Currency"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import type { CredentialId } from "@mall/domain/payments/ChannelCredentials"
import type { ChannelId } from "@mall/domain/payments/Payment"
import { Context, Effect, Option } from "effect"
import { withSubject } from "../log/CallSubject.ts"
import type { Channel } from "./Channel.ts"

/** Channels that a new payment may go through, each by the account that its money goes to. */
export interface ChannelSet {
  readonly all: ReadonlyArray<Channel>
  find(id: string): Option.Option<Channel>
  /** The ids of the channels that take `currency`, of `among` where that is given. */
  offered(currency: Currency, among: ReadonlyArray<ChannelId> | null): ReadonlyArray<ChannelId>
}

/** The channels of one merchant: their own accounts, and the platform's where they have none. */
export interface MerchantChannels extends ChannelSet {
  /** The account that a try was made with: `credentialId`, and null for the platform's. None where it is retired. */
  madeWith(channel: string, credentialId: CredentialId | null): Option.Option<Channel>
  /** The merchant's own accounts at a channel that may tell of tries, the current one first. */
  own(channel: string): ReadonlyArray<Channel>
}

export const channelSet = (channels: Iterable<Channel>): ChannelSet => {
  const byId = new Map([...channels].map((channel): [string, Channel] => [channel.id, withSubject(channel)]))
  return {
    all: [...byId.values()],
    find: (id) => Option.fromUndefinedOr(byId.get(id)),
    offered: (currency, among) =>
      [...byId.values()]
        .filter(({ currencies, id }) => currencies.has(currency) && (among === null || among.includes(id)))
        .map(({ id }) => id)
  }
}

const withoutOwn = (platform: ChannelSet): MerchantChannels => ({
  ...platform,
  madeWith: (channel, credentialId) => (credentialId === null ? platform.find(channel) : Option.none()),
  own: () => []
})

/** How the accounts of merchants are found; `peek` answers where they are known already. */
export interface OwnChannels {
  get(merchantId: MerchantId): Effect.Effect<MerchantChannels>
  peek(merchantId: MerchantId): MerchantChannels | undefined
}

/** The one place that maps an id to its adapter: of the platform's account by itself, and of a merchant by `of`. */
export class Channels extends Context.Service<
  Channels,
  ChannelSet & {
    /** Null: a payment of the mall itself, which goes to the platform's accounts. Not to be called in a transaction. */
    of(merchantId: MerchantId | null): Effect.Effect<MerchantChannels>
    /** The same without waiting; undefined where it is not known yet. */
    peek(merchantId: MerchantId | null): MerchantChannels | undefined
  }
>()("@mall/payments/channel/Channels") {
  static make(platform: ChannelSet, own: OwnChannels) {
    const usual = withoutOwn(platform)
    return Channels.of({
      ...platform,
      of: (merchantId) => (merchantId === null ? Effect.succeed(usual) : own.get(merchantId)),
      peek: (merchantId) => (merchantId === null ? usual : own.peek(merchantId))
    })
  }
}
