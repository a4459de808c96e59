import type { AlertKind, Severity } from "@mall/domain/operations/Alert"

/** What is counted. Each is a sum over metrics that this process keeps anyway. */
export type Signal = "callbacks" | "signature_failures" | "duplicate_callbacks" | "tickets_shown" | "ticket_failures"

/** What is counted for each caller by itself: many callers that each err a little are no attack. */
export type CallerSignal = "order_probes" | "token_failures"

interface Series {
  readonly id: string
  readonly attributes: Readonly<Record<string, string>>
}

const isRequest = ({ attributes, id }: Series, paths: (path: string) => boolean) =>
  id === "http_requests_total" && paths(attributes["path"] ?? "")

const callbackPaths = (path: string) => path.startsWith("/callbacks/") || path === "/api/webhook/wechat/payment"
const ticketPaths = (path: string) => path.endsWith("/status") || path.startsWith("/pay/")
/** Where an id of an order or a payment is asked for. */
const numberedPaths = (path: string) => /^\/api\/(v1\/(orders|payments)|h5\/(orders|payments))\/:/.test(path)
/** A wrong password is no wrong token, and has a throttle of its own; tickets have a rule of their own. */
const tokenPaths = (path: string) => !path.endsWith("/login") && !ticketPaths(path)

/** Which signals a series of the metrics adds to. */
export const signals: Readonly<Record<Signal, (series: Series) => boolean>> = {
  callbacks: (series) => isRequest(series, callbackPaths),
  signature_failures: ({ id }) => id === "payment_signature_failure",
  duplicate_callbacks: ({ id }) => id === "payment_callback_duplicate",
  tickets_shown: (series) => isRequest(series, ticketPaths),
  ticket_failures: ({ id }) => id === "payment_ticket_validation_failure"
}

/** Which answers add to which signal of a caller; `route` is the route's template. */
export const callerSignals: Readonly<Record<CallerSignal, (route: string, status: number) => boolean>> = {
  order_probes: (route, status) => status === 404 && numberedPaths(route),
  token_failures: (route, status) => status === 401 && tokenPaths(route)
}

/** What was counted, by all processes: the busiest of the last two minutes, and the sums of five minutes and an hour. */
export interface Counts {
  readonly perMinute: number
  readonly fiveMinutes: number
  readonly hour: number
}

/** Who did most of a signal in an hour: by what may be shown of them. */
export interface BusiestCaller {
  readonly caller: string
  readonly hour: number
}

export interface Seen {
  readonly counts: (signal: Signal) => Counts
  readonly busiest: (signal: CallerSignal) => BusiestCaller | undefined
}

export interface AlertRule {
  readonly kind: AlertKind
  readonly severity: Severity
  /** What is wrong, in a sentence with figures; undefined while nothing is. */
  readonly judge: (seen: Seen) => string | undefined
}

const percent = (part: number, whole: number) => `${((100 * part) / whole).toFixed(1)} %`

/** The thresholds of the source documents. A share is taken of five minutes, so that a handful of requests is judged too. */
export const alertRules: ReadonlyArray<AlertRule> = [
  {
    kind: "signature_failures",
    severity: "P0",
    judge: ({ counts }) => {
      const failures = counts("signature_failures").fiveMinutes
      // answers of channels are checked too, so that there may be more failures than callbacks
      const all = Math.max(counts("callbacks").fiveMinutes, failures)
      return failures * 100 > all
        ? `${failures} of ${all} notices in 5 minutes were not signed by their channel (${percent(failures, all)}; the limit is 1 %)`
        : undefined
    }
  },
  {
    kind: "duplicate_callbacks",
    severity: "P1",
    judge: ({ counts }) => {
      const { perMinute } = counts("duplicate_callbacks")
      return perMinute > 10 ? `${perMinute} repeated notices in a minute (the limit is 10)` : undefined
    }
  },
  {
    kind: "ticket_failures",
    severity: "P1",
    judge: ({ counts }) => {
      const failures = counts("ticket_failures").fiveMinutes
      const all = Math.max(counts("tickets_shown").fiveMinutes, failures)
      return failures * 20 > all
        ? `${failures} of ${all} tickets in 5 minutes were not good (${percent(failures, all)}; the limit is 5 %)`
        : undefined
    }
  },
  {
    kind: "order_enumeration",
    severity: "P2",
    judge: ({ busiest }) => {
      const most = busiest("order_probes")
      return most !== undefined && most.hour > 100
        ? `${most.hour} requests of ${most.caller} in an hour for orders and payments that do not exist or are somebody else's (the limit is 100)`
        : undefined
    }
  },
  {
    kind: "token_abuse",
    severity: "P2",
    judge: ({ busiest }) => {
      const most = busiest("token_failures")
      return most !== undefined && most.hour > 50
        ? `${most.hour} requests of ${most.caller} in an hour with a token that is not good (the limit is 50)`
        : undefined
    }
  }
]
