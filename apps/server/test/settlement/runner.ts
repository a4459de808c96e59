import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Sql from "@mall/platform/Sql"
import * as Workflows from "@mall/platform/Workflows"
import { SettlementSteps } from "@mall/treasury/settlement/SettlementSteps"
import * as SettlementWorker from "@mall/treasury/settlement/SettlementWorker"
import { Config, Console, Effect, Layer } from "effect"
import * as process from "node:process"
import { SettlementLayer } from "./SettlementTest.ts"

/** A worker of settlement in a process of its own; with `DIE_AFTER` it is gone as soon as that step has committed. */
const Steps = Layer.effect(
  SettlementSteps,
  Effect.gen(function* () {
    const steps = yield* SettlementSteps
    const last = yield* Config.String("DIE_AFTER").pipe(Config.withDefault(""))
    const dieAfter = (name: string) =>
      name === last ? Effect.sync(() => process.kill(process.pid, "SIGKILL")) : Effect.void
    return SettlementSteps.of({
      gather: (attempt) => Effect.tap(steps.gather(attempt), dieAfter("gather")),
      state: (attempt) => Effect.tap(steps.state(attempt), dieAfter("state")),
      post: (attempt) => Effect.tap(steps.post(attempt), dieAfter("post")),
      payOut: (attempt) => Effect.tap(steps.payOut(attempt), dieAfter("payOut")),
      notify: (attempt) => Effect.tap(steps.notify(attempt), dieAfter("notify")),
      undo: (attempt, reason) => Effect.tap(steps.undo(attempt, reason), dieAfter("undo"))
    })
  })
)

const Database = Layer.unwrap(Effect.map(Config.Redacted("DATABASE_URL"), (url) => Sql.layerUrl(url)))

Layer.effectDiscard(Console.log("ready")).pipe(
  Layer.provide(SettlementWorker.subscriptions),
  Layer.provide(Workflows.layer),
  Layer.provide(Steps),
  Layer.provide(SettlementLayer),
  Layer.provide(Database),
  Layer.launch,
  NodeRuntime.runMain
)
