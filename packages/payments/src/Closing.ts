import type { PaymentId, PaymentNotFound } from "@mall/domain/payments/PaymentGateway"
import { PaymentUndecided } from "@mall/domain/payments/PaymentGateway"
import { Context, DateTime, Effect, Layer } from "effect"
import { Inquiries } from "./Inquiries.ts"
import { PaymentRepo } from "./PaymentRepo.ts"
import { PaymentStore } from "./PaymentStore.ts"

export interface CloseRequest {
  readonly paymentId: PaymentId
  readonly actor: string
  readonly reason: string
}

/** A buyer who confirms while we close is closed again, so many times. */
const maxRounds = 3

/** Ends payments that nobody may pay any more. */
export class Closing extends Context.Service<
  Closing,
  {
    /** Asks, closes at the channel, cancels. `succeeded`: the buyer was faster, and the money is recorded. Idempotent. */
    close(request: CloseRequest): Effect.Effect<"canceled" | "succeeded", PaymentNotFound | PaymentUndecided>
    /** Closes the payments whose time is up; answers with how many were due. An undecided one comes again after a minute. */
    sweep(limit: number): Effect.Effect<number>
  }
>()("@mall/payments/Closing") {
  static readonly layerNoDeps = Layer.effect(
    Closing,
    Effect.gen(function* () {
      const inquiries = yield* Inquiries
      const repo = yield* PaymentRepo
      const store = yield* PaymentStore

      const cancel = ({ actor, paymentId, reason }: CloseRequest) =>
        store.change(paymentId, actor, (draft) => {
          if (draft.intent.captured > 0) return Effect.succeed("succeeded" as const)
          if (draft.intent.status === "canceled") return Effect.succeed("canceled" as const)
          if (draft.openAttempt !== undefined) return Effect.succeed("open" as const)
          draft.cancel(reason)
          return Effect.succeed("canceled" as const)
        })

      // The cheap look comes first: most payments that end were never confirmed, and need no question.
      const close = Effect.fn("Closing.close")(function* (request: CloseRequest) {
        yield* Effect.annotateCurrentSpan({ paymentId: request.paymentId })
        for (let round = 0; round < maxRounds; round++) {
          const outcome = yield* cancel(request)
          if (outcome !== "open") return outcome
          yield* inquiries.closeOpen(request.paymentId, request.reason)
        }
        return yield* new PaymentUndecided({ paymentId: request.paymentId })
      })

      const sweep = Effect.fn("Closing.sweep")(
        function* (limit: number) {
          const due = yield* repo.claimExpired(yield* DateTime.nowAsDate, limit)
          yield* Effect.forEach(
            due,
            (paymentId) =>
              close({ paymentId, actor: "sweep", reason: "expired" }).pipe(
                Effect.catchTags({ PaymentUndecided: () => Effect.void, PaymentNotFound: () => Effect.void })
              ),
            { concurrency: 8, discard: true }
          )
          return due.length
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      return Closing.of({ close, sweep })
    })
  )
}
