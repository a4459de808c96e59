import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Principal } from "@mall/domain/identity/CurrentUser"
import { Money } from "@mall/domain/kernel/Money"
import { ChannelChoice } from "@mall/domain/payments/Payment"
import { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { Uuid7 } from "@mall/domain/kernel/Id"
import { Notifications } from "@mall/platform/Notifications"
import { Outbox } from "@mall/platform/Outbox"
import * as Sql from "@mall/platform/Sql"
import { Config, Effect, Layer, Logger, Schema } from "effect"
import { CircuitBreaker } from "effect/persistence"
import * as process from "node:process"
import { Callbacks } from "../../src/callbacks/Callbacks.ts"
import { ChannelWatches } from "../../src/lifecycle/ChannelWatches.ts"
import { Confirmations } from "../../src/lifecycle/Confirmations.ts"
import { Payments } from "../../src/lifecycle/Payments.ts"
import { JournalMemory } from "../JournalMemory.ts"
import { NoTerms } from "../NoTerms.ts"
import { MerchantsStand } from "../MerchantsStand.ts"
import { RiskAllows } from "../RiskAllows.ts"
import * as PaymentServices from "../../src/PaymentServices.ts"

/** What a process of payments is asked to do once; it may be killed in the middle. */
export const Errand = Schema.TaggedUnion({
  Confirm: { paymentId: PaymentId, owner: Principal, choice: ChannelChoice },
  Refund: { paymentId: PaymentId, owner: Principal, operationId: Uuid7, amount: Money },
  Receive: {
    channel: Schema.String,
    headers: Schema.Record(Schema.String, Schema.String),
    body: Schema.Uint8ArrayFromBase64
  },
  Look: {}
})
export type Errand = typeof Errand.Type
export const ErrandJson = Schema.fromJsonString(Schema.toCodecJson(Errand))

const run = Effect.fnUntraced(function* (errand: Errand) {
  switch (errand._tag) {
    case "Confirm": {
      const confirmations = yield* Confirmations
      return yield* confirmations.confirm(errand.paymentId, errand.choice, errand.owner)
    }
    case "Refund": {
      const payments = yield* Payments
      const { amount, operationId, owner, paymentId } = errand
      return yield* payments.refund(paymentId, { amount, reason: "broken" }, owner, operationId)
    }
    case "Receive": {
      const callbacks = yield* Callbacks
      yield* callbacks.receive({ channel: errand.channel }, errand)
      return yield* callbacks.drained
    }
    case "Look": {
      const watches = yield* ChannelWatches
      return yield* watches.sweep(50)
    }
  }
})

const Services = PaymentServices.layer.pipe(
  Layer.provideMerge(
    Layer.mergeAll(JournalMemory.layer, MerchantsStand, NoTerms, RiskAllows, Outbox.layer, Notifications.layer)
  ),
  Layer.provideMerge(Layer.unwrap(Effect.map(Config.Redacted("DATABASE_URL"), Sql.layerUrl))),
  Layer.provide(CircuitBreaker.layerStoreMemory()),
  Layer.provideMerge(NodeServices.layer),
  Layer.provideMerge(Logger.layer([]))
)

if (import.meta.main) {
  Schema.decodeEffect(ErrandJson)(process.argv[2] ?? "").pipe(
    Effect.flatMap(run),
    Effect.provide(Services),
    NodeRuntime.runMain
  )
}
