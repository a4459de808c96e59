import { Context, Effect, Layer } from "effect"
import type { Scope } from "effect"
import { SqlClient } from "effect/sql"
import { Load } from "./Load.ts"

export interface DependencyState {
  readonly name: string
  readonly ready: boolean
  /** Where it is not ready, the process still serves. */
  readonly required: boolean
}

export interface ReadinessState {
  readonly ready: boolean
  readonly draining: boolean
  readonly dependencies: ReadonlyArray<DependencyState>
}

interface Check {
  readonly name: string
  readonly required: boolean
  readonly run: Effect.Effect<unknown, unknown>
}

const checkTimeout = "1 second"
const keepMillis = 1000

/** What must answer before this process may be sent requests. Layers register what they depend on. */
export class Readiness extends Context.Service<
  Readiness,
  {
    /** `check` fails, or takes longer than a second, where the dependency cannot be used. Registered until the scope closes. */
    register(
      name: string,
      check: Effect.Effect<unknown, unknown>,
      options?: { readonly required?: boolean }
    ): Effect.Effect<void, never, Scope.Scope>
    /** At most a second old, so that probes cannot hammer what they look at; draining shows at once. */
    readonly state: Effect.Effect<ReadinessState>
  }
>()("@mall/platform/http/Readiness") {
  static readonly layer = Layer.effect(
    Readiness,
    Effect.gen(function* () {
      const load = yield* Load
      const checks = new Set<Check>()

      const look = Effect.forEach(
        checks,
        Effect.fnUntraced(function* ({ name, required, run }) {
          const ready = yield* run.pipe(
            Effect.timeout(checkTimeout),
            Effect.as(true),
            Effect.catchCause((cause) => Effect.as(Effect.logWarning(`${name} is not ready`, cause), false))
          )
          return { name, ready, required }
        }),
        { concurrency: "unbounded" }
      )

      const [dependencies, forget] = yield* Effect.cachedInvalidateWithTTL(look, keepMillis)
      const state = Effect.map(dependencies, (dependencies): ReadinessState => {
        const draining = load.draining
        return { draining, dependencies, ready: !draining && dependencies.every((one) => one.ready || !one.required) }
      })

      return Readiness.of({
        state,
        register: (name, run, options) => {
          const check: Check = { name, run, required: options?.required ?? true }
          return Effect.acquireRelease(
            Effect.andThen(
              Effect.sync(() => checks.add(check)),
              forget
            ),
            () =>
              Effect.andThen(
                Effect.sync(() => checks.delete(check)),
                forget
              )
          ).pipe(Effect.asVoid)
        }
      })
    })
  )

  /** The database of this process is a dependency. */
  static readonly layerDatabase = Layer.effectDiscard(
    Effect.gen(function* () {
      const readiness = yield* Readiness
      const sql = yield* SqlClient.SqlClient
      yield* readiness.register("database", sql`SELECT 1`)
    })
  )
}
