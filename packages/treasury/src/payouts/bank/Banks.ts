import { Context, Effect, Layer, Schema } from "effect"
import { FetchHttpClient } from "effect/http"
import { PayoutsConfig } from "../PayoutsConfig.ts"
import type { BankChannel } from "./BankChannel.ts"
import * as SandbankApi from "./SandbankApi.ts"
import * as SandbankClient from "./SandbankClient.ts"
import * as SandbankFiles from "./SandbankFiles.ts"

class ChannelUnknown extends Schema.TaggedError<ChannelUnknown>()("ChannelUnknown", {
  channel: Schema.String,
  known: Schema.Array(Schema.String)
}) {
  override get message() {
    return `There is no way to a bank ${this.channel}: PAYOUT_CHANNEL is one of ${this.known.join(", ")}`
  }
}

/** The ways to banks: the one by which new pay-outs go, and all by which former ones went. */
export class Banks extends Context.Service<
  Banks,
  {
    readonly current: BankChannel
    readonly all: ReadonlyArray<BankChannel>
  }
>()("@mall/treasury/payouts/bank/Banks") {
  static readonly layer = Layer.effect(
    Banks,
    Effect.gen(function* () {
      const client = yield* SandbankClient.make
      return yield* choose([SandbankApi.make(client), SandbankFiles.make(client)])
    })
  ).pipe(Layer.provide(FetchHttpClient.layer))
}

const choose = Effect.fnUntraced(function* (all: ReadonlyArray<BankChannel>) {
  const { channel } = yield* PayoutsConfig
  const current = all.find(({ id }) => id === channel)
  if (current !== undefined) return Banks.of({ current, all })
  return yield* new ChannelUnknown({ channel, known: all.map(({ id }) => id) })
})
