import type { Currency } from "@mall/domain/kernel/Currency"
import type { ChannelId } from "@mall/domain/payments/Payment"
import { Context, Option } from "effect"
import { withSubject } from "../log/CallSubject.ts"
import type { Channel } from "./Channel.ts"

/** The channels this process has, by their ids: the one place that maps an id to its adapter. */
export class Channels extends Context.Service<
  Channels,
  {
    readonly all: ReadonlyArray<Channel>
    find(id: string): Option.Option<Channel>
    /** The ids of the channels that take `currency`, of `among` where that is given. */
    offered(currency: Currency, among: ReadonlyArray<ChannelId> | null): ReadonlyArray<ChannelId>
  }
>()("@mall/payments/channel/Channels") {
  static fromIterable(channels: Iterable<Channel>) {
    const byId = new Map([...channels].map((channel): [string, Channel] => [channel.id, withSubject(channel)]))
    return Channels.of({
      all: [...byId.values()],
      find: (id) => Option.fromUndefinedOr(byId.get(id)),
      offered: (currency, among) =>
        [...byId.values()]
          .filter(({ currencies, id }) => currencies.has(currency) && (among === null || among.includes(id)))
          .map(({ id }) => id)
    })
  }
}
