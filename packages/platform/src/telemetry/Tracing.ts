import { Context } from "effect"
import type { Tracer } from "effect"
import type { RemoteParent } from "./traceContext.ts"

/** A span of a request that is being recorded. */
export interface RecordedSpan {
  readonly span: Tracer.Span
  /** The name is known late: it needs the route. Statuses from 500 on are errors, no other is. */
  end(name: string, status: number, attributes: Record<string, unknown>): void
}

/**
 * Decides which requests are recorded, and begins their spans. A request that is not sampled makes no span at all; what
 * the tracer of this layer gives to the code within it is an `UnsampledSpan`.
 */
export class Tracing extends Context.Service<
  Tracing,
  {
    isSampled(traceId: string, parent: RemoteParent | undefined): boolean
    /** Begins the root of a sampled request; its trace id is `traceId`. */
    begin(traceId: string, parent: RemoteParent | undefined): RecordedSpan
  }
>()("@mall/platform/telemetry/Tracing") {}
