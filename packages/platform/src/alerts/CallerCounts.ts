import { Context, Layer } from "effect"
import type { RequestInfo } from "../http/RequestInfo.ts"
import { callerSignals } from "./alertRules.ts"
import type { CallerSignal } from "./alertRules.ts"

/** How often a caller did what looks like an attack. A caller is `user:<id>`, or `ip:<address>` where nobody signed in. */
export interface CallerGain {
  readonly signal: CallerSignal
  readonly caller: string
  readonly count: number
}

/** As many callers are told apart until the counts are taken; what more of them do is only in the metrics. */
const mostCallers = 2_000

const names = Object.keys(callerSignals) as ReadonlyArray<CallerSignal>

const callerOf = ({ limitKey, userId }: RequestInfo) => (userId === undefined ? `ip:${limitKey}` : `user:${userId}`)

/** What each caller did that looks like an attack, since it was taken last: kept by the process that served it. */
export class CallerCounts extends Context.Service<
  CallerCounts,
  {
    /** A request was answered. */
    record(route: string, status: number, info: RequestInfo): void
    /** What was gained since it was taken last. */
    take(): ReadonlyArray<CallerGain>
    /** Takes back what could not be written. */
    giveBack(gains: ReadonlyArray<CallerGain>): void
  }
>()("@mall/platform/alerts/CallerCounts") {
  static readonly layer = Layer.sync(CallerCounts, () => {
    const counts = new Map(names.map((signal) => [signal, new Map<string, number>()]))

    const add = ({ caller, count, signal }: CallerGain) => {
      const callers = counts.get(signal)
      if (callers === undefined) return
      const known = callers.get(caller)
      if (known === undefined && callers.size >= mostCallers) return
      callers.set(caller, (known ?? 0) + count)
    }

    return CallerCounts.of({
      record: (route, status, info) => {
        if (status !== 401 && status !== 404) return
        for (const signal of names) {
          if (callerSignals[signal](route, status)) add({ signal, caller: callerOf(info), count: 1 })
        }
      },
      take: () =>
        [...counts].flatMap(([signal, callers]) => {
          const gains = [...callers].map(([caller, count]) => ({ signal, caller, count }))
          callers.clear()
          return gains
        }),
      giveBack: (gains) => gains.forEach(add)
    })
  })
}
