import { Alerts } from "@mall/platform/alerts/Alerts"
import { SignalCounts } from "@mall/platform/alerts/SignalCounts"
import { Checks } from "@mall/platform/doctor/Checks"
import { Doctor } from "@mall/platform/doctor/Doctor"
import * as DoctorSweeps from "@mall/platform/doctor/DoctorSweeps"
import * as Stores from "@mall/platform/Stores"
import * as Sweep from "@mall/platform/Sweep"
import { Sweeps } from "@mall/platform/Sweeps"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Layer, Metric } from "effect"

/** The numbers of a gauge with such labels; none where Prometheus sees none. */
const gauge = (id: string, attributes: Record<string, string>) =>
  Effect.map(Metric.snapshot, (all) =>
    all
      .filter(
        (each) => each.id === id && Object.entries(attributes).every(([key, value]) => each.attributes?.[key] === value)
      )
      .map(({ state }) => ("value" in state ? Number(state.value) : Number.NaN))
  )

const Looking = Doctor.layer.pipe(
  Layer.provideMerge(Layer.mergeAll(Checks.layer, Alerts.layer)),
  Layer.provideMerge(Layer.mergeAll(Stores.layer, SignalCounts.layer)),
  Layer.provideMerge(Sweeps.layer),
  Layer.provideMerge(TestDatabase)
)

layer(Looking, { excludeTestServices: true })("Prometheus sees", (it) => {
  it.effect("since when a sweep fails that never succeeded", () =>
    Effect.gen(function* () {
      const before = Date.now() / 1000
      const failed = yield* Deferred.make<void>()
      yield* Layer.build(
        Sweep.layer({
          name: "never",
          every: "10 millis",
          batch: () => Effect.andThen(Deferred.succeed(failed, undefined), Effect.fail("refused"))
        }).pipe(Layer.provide(Layer.fresh(Sweeps.layerScheduled)))
      )
      yield* Deferred.await(failed)
      const [since = 0] = yield* gauge("sweep_last_success_timestamp_seconds", { sweep: "never" })
      assert.isAtLeast(since, before)
      assert.isAtMost(since, Date.now() / 1000)
      assert.deepStrictEqual(yield* gauge("sweep_interval_seconds", { sweep: "never" }), [0.01])
    })
  )

  it.effect("that a check cannot look, and that one is looked at which asks others than the database", () =>
    Effect.gen(function* () {
      const sweeps = yield* Sweeps
      const checks = yield* Checks
      let isBlind = true
      const sound = { looked: 1, findings: [], next: null }
      yield* checks.register({
        ...{ name: "blind", says: "it can look", severity: "P0", reach: "database" },
        look: () => Effect.suspend(() => (isBlind ? Effect.fail("timed out") : Effect.succeed(sound)))
      })
      yield* checks.register({
        ...{ name: "afar", says: "it is there", severity: "P1", reach: "channels" },
        look: () => Effect.succeed(sound)
      })
      yield* Layer.build(DoctorSweeps.layer)
      const lookedAt = gauge("doctor_last_run_seconds", { check: "blind" })
      yield* sweeps.run("doctor", "test")
      const [first = 0] = yield* lookedAt
      yield* Effect.sleep("20 millis")
      yield* sweeps.run("doctor", "test")
      assert.deepStrictEqual(yield* lookedAt, [first])
      isBlind = false
      yield* sweeps.run("doctor", "test")
      const [last = 0] = yield* lookedAt
      assert.isAbove(last, first)
      isBlind = true
      yield* sweeps.run("doctor_full", "test")
      assert.deepStrictEqual(yield* lookedAt, [last])

      assert.deepStrictEqual(yield* gauge("doctor_last_run_seconds", { check: "afar" }), [])
      yield* sweeps.run("doctor_channels", "test")
      assert.lengthOf(yield* gauge("doctor_last_run_seconds", { check: "afar" }), 1)
    })
  )
})
