import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Sql from "@mall/platform/Sql"
import * as ReconciliationWorker from "@mall/treasury/reconciliation/ReconciliationWorker"
import { Config, Effect, Layer } from "effect"
import { reconciliation } from "./workers.ts"

/** A worker of the reconciliation in a process of its own, which comes to a stop in the middle where `STUCK_AT` says. */
Layer.unwrap(
  Effect.gen(function* () {
    const url = yield* Config.Redacted("DATABASE_URL")
    const stuckAt = yield* Config.Literals(["bill", "records", "nothing"], "STUCK_AT")
    return ReconciliationWorker.subscriptions.pipe(
      Layer.provide(reconciliation(stuckAt)),
      Layer.provide(Sql.layerUrl(url))
    )
  })
).pipe(Layer.launch, NodeRuntime.runMain)
