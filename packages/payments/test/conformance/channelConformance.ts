import { assert, it as vitest, layer } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { Bench, layerOf } from "./Bench.ts"
import type { Case } from "./Case.ts"
import { withDigits } from "./cases/currencies.ts"
import { captureCases, cases } from "./cases/index.ts"
import type { CaseName } from "./cases/index.ts"
import type { ChannelProfile } from "./ChannelProfile.ts"
import { NoticeTap } from "./NoticeTap.ts"
import { watch } from "./securityWatch.ts"
import { settle } from "./steps.ts"
import { assertOneTruth } from "./truth.ts"

/** Runs one case and then asks the channel; whatever happened, there is one truth, and each refusal was reported. */
const conforms = (run: Case) =>
  Effect.gen(function* () {
    const bench = yield* Bench
    const tap = yield* NoticeTap
    const restore = Effect.all(
      [bench.control("DELETE", "/faults"), bench.ours.shift(0), bench.theirs.shift(0), tap.reset],
      { discard: true }
    )
    yield* restore
    const assertReported = yield* watch
    yield* Effect.gen(function* () {
      const aftermath = yield* run
      assert.strictEqual(yield* bench.faultsLeft, 0, "every fault has struck")
      for (const id of aftermath.payments) {
        yield* settle(id)
        yield* assertOneTruth(id)
      }
      yield* assertReported(aftermath)
    }).pipe(Effect.provideService(Clock.Clock, bench.ours.clock), Effect.ensuring(restore))
  })

interface Conformance extends ChannelProfile {
  /** The cases that cannot be at this channel as they are, each with what comes nearest to it. */
  readonly nearest?: Readonly<Partial<Record<CaseName, { readonly as: string; readonly run: Case }>>>
  /** Cases of this channel alone. */
  readonly further?: Readonly<Record<string, Case>>
  /** The cases that cannot be at this channel, each with the reason, which a test of its own tells. */
  readonly notApplicable: Readonly<Partial<Record<CaseName, string>>>
}

/**
 * The suite that every channel has to pass: each case of the table against the channel's stand-in, over real sockets and on
 * a real database, followed by the same invariants.
 */
export const channelConformance = (profile: Conformance) => {
  const notApplicable = new Map(Object.entries<string>(profile.notApplicable))
  const timeout = 60_000 * (profile.slowness ?? 1)
  const nearest = new Map(Object.entries(profile.nearest ?? {}))
  const all = { ...cases, ...(profile.captureOperation === undefined ? {} : captureCases) }
  const applicable = Object.entries<Case>(all).filter(([name]) => !notApplicable.has(name) && !nearest.has(name))
  layer(layerOf(profile), { excludeTestServices: true })(`The channel ${profile.id}`, (it) => {
    it.effect("says truly which currencies it takes", () =>
      Effect.gen(function* () {
        const expected: ReadonlyArray<[CaseName, number]> = [
          ["zero-decimal currency", 0],
          ["three-decimal currency", 3]
        ]
        for (const [name, digits] of expected) {
          assert.strictEqual(notApplicable.has(name), (yield* withDigits(digits)).length === 0, name)
        }
      })
    )
    for (const [name, run] of applicable) it.effect(name, () => conforms(run), timeout)
    for (const [name, { as, run }] of nearest) it.effect(`${name}: ${as}`, () => conforms(run), timeout)
    for (const [name, run] of Object.entries(profile.further ?? {})) it.effect(name, () => conforms(run), timeout)
    vitest("leaves out only cases that there are, each for a reason that is told", async (context) => {
      for (const [name, reason] of notApplicable) {
        assert.property(all, name)
        assert.isFalse(nearest.has(name), name)
        assert.isAbove(reason.length, 10, name)
        await context.annotate(`${name}: ${reason}`)
      }
      for (const name of nearest.keys()) assert.property(all, name)
    })
  })
}
