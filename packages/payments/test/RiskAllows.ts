import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import { RiskCheck } from "@mall/domain/risk/RiskCheck"
import type { RiskAnswer, RiskQuestion } from "@mall/domain/risk/RiskCheck"
import { Context, Effect, Layer } from "effect"

const allowed: RiskAnswer = { verdict: "allow", needs: null, note: "risk: allow" }

/** What risk says to payments under test, and what it was asked. */
export class RiskScript extends Context.Service<
  RiskScript,
  {
    /** The answers to what is asked about this payment, in order; then it may pass. */
    readonly answers: Map<PaymentId, Array<RiskAnswer>>
    readonly questions: Array<RiskQuestion>
    readonly declined: Array<PaymentId>
  }
>()("@mall/payments/test/RiskScript") {}

/** Lets everybody pay unless a test says otherwise. */
export const RiskAllows = Layer.effectContext(
  Effect.sync(() => {
    const script = RiskScript.of({ answers: new Map(), questions: [], declined: [] })
    return Context.make(RiskScript, script).pipe(
      Context.add(RiskCheck, {
        check: (question) =>
          Effect.sync(() => {
            script.questions.push(question)
            return script.answers.get(question.paymentId)?.shift() ?? allowed
          }),
        declined: (paymentId) => Effect.sync(() => script.declined.push(paymentId)).pipe(Effect.asVoid)
      })
    )
  })
)
