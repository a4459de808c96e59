import { assert, it } from "@effect/vitest"
import { gatherWhileBusy } from "@mall/platform/gatherWhileBusy"
import { groupByTenant } from "@mall/platform/groupByTenant"
import type { Tenant } from "@mall/platform/Tenancy"
import { Deferred, Effect, Exit, Fiber, Request, RequestResolver } from "effect"

class Ask extends Request.Class<{ readonly of: string }, string> {}

const merchant = (merchantId: string): Tenant => ({ merchantId })

it.effect("puts each tenant's requests into groups of their own, and those of nobody into one", () =>
  Effect.gen(function* () {
    const groups: Array<{ readonly tenant: string; readonly of: ReadonlyArray<string> }> = []
    const ask = groupByTenant<Ask>((tenant) =>
      gatherWhileBusy(
        RequestResolver.make<Ask>((entries) =>
          Effect.sync(() => {
            groups.push({ tenant: tenant?.merchantId ?? "nobody", of: entries.map(({ request }) => request.of) })
            for (const { completeUnsafe } of entries) completeUnsafe(Exit.succeed(tenant?.merchantId ?? "nobody"))
          })
        ),
        64
      )
    )
    const askers = ["a", "b", "nobody"].flatMap((of) => Array.from({ length: 10 }, () => of))
    const answers = yield* Effect.forEach(
      askers,
      (of) => ask(new Ask({ of }), of === "nobody" ? undefined : merchant(of)),
      { concurrency: "unbounded" }
    )
    assert.deepStrictEqual(answers, askers)
    for (const { of, tenant } of groups) assert.deepStrictEqual(new Set(of), new Set([tenant]))
    assert.isBelow(groups.length, askers.length / 2)
  })
)

it.effect("lets no tenant wait for another, and keeps nothing of one that left", () =>
  Effect.gen(function* () {
    const isLet = yield* Deferred.make<void>()
    let made = 0
    const ask = groupByTenant<Ask>((tenant) => {
      made++
      return gatherWhileBusy(
        RequestResolver.make<Ask>(([entry]) =>
          (tenant?.merchantId === "slow" ? Deferred.await(isLet) : Effect.void).pipe(
            Effect.andThen(Effect.sync(() => entry.completeUnsafe(Exit.succeed("done"))))
          )
        ),
        64
      )
    })
    const slow = yield* Effect.forkChild(ask(new Ask({ of: "slow" }), merchant("slow")))
    assert.strictEqual(yield* ask(new Ask({ of: "quick" }), merchant("quick")), "done")
    assert.strictEqual(yield* ask(new Ask({ of: "nobody" }), undefined), "done")
    yield* Deferred.succeed(isLet, undefined)
    assert.strictEqual(yield* Fiber.join(slow), "done")
    // of nobody, slow, quick, and quick anew
    yield* ask(new Ask({ of: "quick" }), merchant("quick"))
    assert.strictEqual(made, 4)
  })
)
