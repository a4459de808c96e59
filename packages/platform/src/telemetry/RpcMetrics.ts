import { Context, Effect, Layer } from "effect"
import { EdgeConfig } from "../http/EdgeConfig.ts"
import { durationBounds, makeRegistrar, Tally } from "./Tally.ts"

/** The RPC metrics by the names that dashboards know. */
export class RpcMetrics extends Context.Service<
  RpcMetrics,
  {
    /** `code` is `OK`, `Canceled` or the tag of the error: as many as the contracts declare. */
    record(method: string, code: string, durationMillis: number): void
  }
>()("@mall/platform/telemetry/RpcMetrics") {
  static readonly layer = Layer.effect(
    RpcMetrics,
    Effect.gen(function* () {
      const { serviceName: app } = yield* EdgeConfig
      const register = yield* makeRegistrar

      const ofMethod = (method: string) => {
        const durations = new Tally(durationBounds)
        register.histogram("rpc_server_requests_duration_ms", "Time to answer, in milliseconds", { app, method }, () =>
          durations.state(1000)
        )
        return { durations, codes: new Map<string, { count: number }>() }
      }

      const ofCode = (method: string, code: string) => {
        const calls = { count: 0 }
        register.counter("rpc_server_requests_code_total", "Calls answered", { app, method, code }, () => calls.count)
        return calls
      }

      const methods = new Map<string, ReturnType<typeof ofMethod>>()

      return RpcMetrics.of({
        record: (method, code, durationMillis) => {
          let entry = methods.get(method)
          if (entry === undefined) methods.set(method, (entry = ofMethod(method)))
          let calls = entry.codes.get(code)
          if (calls === undefined) entry.codes.set(code, (calls = ofCode(method, code)))
          entry.durations.add(durationMillis / 1000)
          calls.count++
        }
      })
    })
  )
}
