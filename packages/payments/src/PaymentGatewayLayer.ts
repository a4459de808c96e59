import { CurrentService } from "@mall/domain/identity/ServiceToken"
import { Money } from "@mall/domain/kernel/Money"
import { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import type { PaymentId, PaymentSummary } from "@mall/domain/payments/PaymentGateway"
import { DateTime, Effect, Layer, Option } from "effect"
import { Closing } from "./lifecycle/Closing.ts"
import { Inquiries } from "./lifecycle/Inquiries.ts"
import { PaymentIntents } from "./store/PaymentIntents.ts"
import { IntentRow } from "./store/PaymentRecord.ts"
import { Refunds } from "./lifecycle/Refunds.ts"

/**
 * Who calls, for the history: the service that proved its name, else the mall in this process. Each is a trusted caller: what
 * its users may not see it decides itself.
 */
const currentActor = Effect.map(
  Effect.serviceOption(CurrentService),
  Option.match({ onNone: () => "mall", onSome: ({ name }) => `service:${name}` })
)

/** The port by which the mall has money moved, in the process of the pay platform. */
export const layerNoDeps = Layer.effect(
  PaymentGateway,
  Effect.gen(function* () {
    const closing = yield* Closing
    const inquiries = yield* Inquiries
    const intents = yield* PaymentIntents
    const refunds = yield* Refunds

    return PaymentGateway.of({
      ready: Effect.void,
      create: Effect.fn("PaymentGateway.create")(function* ({
        amount,
        description,
        expiresAt,
        id,
        payerId,
        reference
      }) {
        const zero = Money.zero(amount.currency).amount
        const row = new IntentRow({
          id,
          merchantId: null,
          payerId,
          amount: amount.amount,
          currency: amount.currency,
          captured: zero,
          refunded: zero,
          held: zero,
          status: "pending",
          reference,
          description,
          channels: null,
          metadata: {},
          returnUrl: null,
          expiresAt,
          cancelAt: null,
          paidAt: null,
          createdAt: yield* DateTime.nowAsDate
        })
        const { summary } = yield* intents.create(row, yield* currentActor)
        return summary
      }),
      find: Effect.fn("PaymentGateway.find")(function* (ids) {
        const found = yield* Effect.forEach(
          ids,
          (id) => Effect.catchTag(intents.find(id), "PaymentNotFound", () => Effect.undefined),
          { concurrency: "unbounded" }
        )
        return new Map(
          found.flatMap((row): ReadonlyArray<[PaymentId, PaymentSummary]> =>
            row === undefined ? [] : [[row.id, row.summary]]
          )
        )
      }),
      settle: Effect.fn("PaymentGateway.settle")(function* (id) {
        const { intent } = yield* inquiries.settle(id)
        return intent.summary
      }),
      close: (paymentId, reason) =>
        Effect.flatMap(currentActor, (actor) => closing.close({ paymentId, actor, reason })),
      refund: Effect.fn("PaymentGateway.refund")(function* ({ amount, id, paymentId, reason }) {
        const actor = yield* currentActor
        yield* refunds.request({ id, paymentId, amount, reason, actor, owns: () => true }).pipe(
          // A refund in another currency than the payment's, or by the id of another payment's, is a mistake that no state of the
          // payment makes right; what is agreed with merchants does not hold the mall.
          Effect.catchTag(["CurrencyMismatch", "RefundAgainstPolicy", "RefundIdTaken"], Effect.die)
        )
      })
    })
  })
)
