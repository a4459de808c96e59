import * as Workflows from "@mall/platform/Workflows"
import { startSqlTap } from "@mall/testing/SqlTap"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, Context, Effect, Layer, Schema } from "effect"
import { Activity, Workflow } from "effect/workflow"
import * as Sql from "../src/Sql.ts"

class Tap extends Context.Service<Tap, Effect.Success<ReturnType<typeof startSqlTap>>>()("test/Tap") {}

const steps = ["first", "second"]

/** What the engine asks of PostgreSQL while a workflow goes from step to step, by a part of the statement. */
const asked = {
  "claim of what is to be done": "SET last_read = NOW()",
  "next step": `INSERT INTO "cluster_messages"`,
  "result of a step": `INSERT INTO "cluster_replies"`,
  "look at the lock by which it works": "pg_locks"
}

const Errand = Workflow.make("Errand", {
  payload: { at: Schema.Literals(["question", "answer"]), where: Schema.String },
  success: Schema.Array(Schema.String),
  idempotencyKey: ({ at, where }) => `${at} ${where}`
})

/** The connection breaks after each of its steps, once. */
const Errands = Errand.toLayer(
  Effect.fnUntraced(function* ({ at, where }, executionId) {
    const { breakAt } = yield* Tap
    return yield* Effect.forEach(steps, (name) =>
      Activity.make({
        name,
        success: Schema.String,
        execute: Effect.suspend(() => {
          const step = `${executionId} ${name}`
          const wasBroken = broken.has(step)
          broken.add(step)
          return Effect.as(wasBroken ? Effect.void : breakAt(at, where), name)
        })
      })
    )
  })
)
const broken = new Set<string>()

const Tapped = Layer.unwrap(
  Effect.gen(function* () {
    const tap = yield* startSqlTap(yield* acquireDatabase)
    return Errands.pipe(
      Layer.provideMerge(Workflows.layer),
      Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ CLUSTER_POLL_INTERVAL: "100 millis" }))),
      Layer.provide(Sql.layerUrl(tap.database)),
      Layer.provideMerge(Layer.succeed(Tap, Tap.of(tap)))
    )
  })
).pipe(Layer.orDie)

layer(Tapped, { excludeTestServices: true, timeout: "30 seconds" })("A workflow whose connection is lost", (it) => {
  for (const [what, where] of Object.entries(asked)) {
    for (const at of ["question", "answer"] as const) {
      it.effect(`at the ${at} of the ${what} comes to its end`, () =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* Errand.execute({ at, where }), steps)
          assert.strictEqual(broken.size, steps.length)
          broken.clear()
        })
      )
    }
  }
})
