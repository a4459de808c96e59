import { SettlementAttempt } from "@mall/domain/treasury/Settlement"
import { Cause, Effect } from "effect"
import { Activity, Workflow } from "effect/workflow"
import { SettlementFailed, SettlementSteps } from "./SettlementSteps.ts"

/** Carries out a settlement, once for each attempt, whichever processes begin, end and die meanwhile. */
export const SettlementWorkflow = Workflow.make("Settlement", {
  payload: SettlementAttempt.fields,
  error: SettlementFailed,
  idempotencyKey: ({ attempt, id }) => `${id}/${attempt}`
})

const reasonOf = (cause: Cause.Cause<unknown>) => {
  const error = Cause.squash(cause)
  return error instanceof SettlementFailed ? error.reason : `unexpected: ${Cause.pretty(cause).split("\n")[0] ?? ""}`
}

/** Registers the workflow with the engine. Needs `SettlementSteps` and `WorkflowEngine`. */
export const layer = SettlementWorkflow.toLayer(
  Effect.fnUntraced(function* (payload) {
    const attempt = { id: payload.id, attempt: payload.attempt }
    const steps = yield* SettlementSteps
    yield* SettlementWorkflow.withCompensation(Effect.void, (_, cause) =>
      // a process that ends is no failure: another goes on
      Cause.hasInterruptsOnly(cause)
        ? Effect.void
        : Activity.make({ name: "undo", execute: steps.undo(attempt, reasonOf(cause)) })
    )
    yield* Activity.make({ name: "gather", execute: steps.gather(attempt) })
    yield* Activity.make({ name: "state", execute: steps.state(attempt) })
    yield* Activity.make({ name: "post", error: SettlementFailed, execute: steps.post(attempt) })
    yield* Activity.make({ name: "payOut", execute: steps.payOut(attempt) })
    yield* Activity.make({ name: "notify", execute: steps.notify(attempt) })
  })
)
