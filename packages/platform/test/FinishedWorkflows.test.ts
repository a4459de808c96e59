import { FinishedWorkflows } from "@mall/platform/FinishedWorkflows"
import * as Workflows from "@mall/platform/Workflows"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { assert, layer } from "@effect/vitest"
import { ConfigProvider, DateTime, Effect, Layer, Schedule, Schema } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { Activity, DurableDeferred, Workflow } from "effect/workflow"

const Signed = DurableDeferred.make("Signed")
const Errand = Workflow.make("Errand", {
  payload: { id: Schema.String, waits: Schema.Boolean },
  idempotencyKey: ({ id }) => id
})

const Errands = Errand.toLayer(
  Effect.fnUntraced(function* ({ waits }) {
    yield* Activity.make({ name: "first", execute: Effect.void })
    if (waits) yield* DurableDeferred.await(Signed)
    yield* Activity.make({ name: "second", execute: Effect.void })
  })
)

const Test = Layer.mergeAll(Errands.pipe(Layer.provideMerge(Workflows.layer)), FinishedWorkflows.layer).pipe(
  Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ CLUSTER_POLL_INTERVAL: "100 millis" }))),
  Layer.provideMerge(TestDatabase)
)

/** What the engine keeps: messages, replies, and how many of the workflows wait. */
const kept = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ messages: number; replies: number }>`
    SELECT (SELECT count(*) FROM workflows.cluster_messages) AS messages,
      (SELECT count(*) FROM workflows.cluster_replies) AS replies`
  return [row?.messages, row?.replies]
})

/** So many days from now. */
const removeIn = (days: number, limit = 100) =>
  Effect.gen(function* () {
    const later = DateTime.add(yield* DateTime.now, { days })
    return yield* TestClock.setTime(later.epochMilliseconds).pipe(
      Effect.andThen(FinishedWorkflows.use(({ remove }) => remove(limit))),
      Effect.provide(TestClock.layer())
    )
  })

const isSuspended = (executionId: string) =>
  Effect.repeat(Errand.poll(executionId), {
    until: (result) => result._tag === "Some" && result.value._tag === "Suspended",
    schedule: Schedule.spaced("20 millis")
  })

layer(Test, { excludeTestServices: true, timeout: "30 seconds" })("Finished workflows", (it) => {
  it.effect("are removed with all they left once their time is over, and never one that waits", () =>
    Effect.gen(function* () {
      const ids = ["one", "two", "three"]
      yield* Effect.forEach(ids, (id) => Errand.execute({ id, waits: false }))
      const waiting = { id: "four", waits: true }
      const executionId = yield* Errand.execute(waiting, { discard: true })
      yield* isSuspended(executionId)
      const [messages = 0, replies = 0] = yield* kept
      assert.strictEqual(yield* removeIn(29), 0)
      assert.deepStrictEqual(yield* kept, [messages, replies])

      // two that remove at once, a little at a time
      const first = yield* Effect.all([removeIn(31, 1), removeIn(31, 1)], { concurrency: 2 })
      const rest = yield* removeIn(31)
      assert.strictEqual(first[0] + first[1] + rest, 3)
      assert.deepStrictEqual(yield* kept, [messages - 9, replies - 9])
      assert.strictEqual(yield* removeIn(31), 0)

      const token = DurableDeferred.tokenFromExecutionId(Signed, { workflow: Errand, executionId })
      yield* DurableDeferred.succeed(Signed, { token, value: undefined })
      yield* Errand.execute(waiting)
      assert.strictEqual(yield* removeIn(31), 1)
      assert.deepStrictEqual(yield* kept, [0, 0])
    })
  )
})
