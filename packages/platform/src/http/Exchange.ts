import type { Tracer } from "effect"
import type { IncomingMessage } from "node:http"
import type { RecordedSpan } from "../telemetry/Tracing.ts"
import type { RequestInfo } from "./RequestInfo.ts"

/** A request on its way through the edge: what its answer, its log line and its metrics are made of. */
export interface Exchange {
  readonly source: IncomingMessage
  readonly info: RequestInfo
  /** The target without its query. */
  readonly path: string
  /** Milliseconds of the monotonic clock. */
  readonly startedAt: number
  /** Health and metrics: neither limited, shed, traced nor logged. */
  readonly isQuiet: boolean
  readonly isEncrypted: boolean
  /** The page's origin, where `CORS_ORIGINS` allows it. */
  readonly origin: string | undefined
  readonly span: Tracer.AnySpan
  /** Set where the request is sampled. */
  readonly recorded: RecordedSpan | undefined
  /** It was let in: its client's limit is taken. */
  isAdmitted: boolean
  /** Headers that tell what the client's limit has left. */
  limitHeaders: ReadonlyArray<string> | undefined
}

/** Exchanges that have begun before the whole pass, which goes on with them. */
export const underWay = new WeakMap<IncomingMessage, Exchange>()

/** Bytes of the request's body; not known before the end of a chunked one. */
export const bytesInOf = ({ headers }: IncomingMessage) => {
  const length = headers["content-length"]
  if (length !== undefined) return Number(length)
  return headers["transfer-encoding"] === undefined ? 0 : undefined
}

/** Answers to such a request are nobody else's, so that no cache may keep them. */
export const isAuthenticated = ({ headers }: IncomingMessage) =>
  headers.authorization !== undefined || headers["x-api-key"] !== undefined || headers.cookie !== undefined
