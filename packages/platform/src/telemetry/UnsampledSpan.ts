import { Context, Exit, Option } from "effect"
import type { Tracer } from "effect"
import { makeSpanId, makeTraceId } from "./traceContext.ts"

const status: Tracer.SpanStatus = { _tag: "Ended", startTime: 0n, endTime: 0n, exit: Exit.void }
const attributes: ReadonlyMap<string, unknown> = new Map()

/**
 * A span that nobody records. It costs one small object, and still carries the trace on: calls that leave the process say
 * its trace id, its own id and "not sampled", so that no service further on samples what this one did not.
 */
export class UnsampledSpan implements Tracer.Span {
  readonly _tag = "Span"
  readonly sampled = false
  readonly name: string
  readonly traceId: string
  readonly parent: Option.Option<Tracer.AnySpan>
  readonly kind: Tracer.SpanKind
  readonly annotations = Context.empty()
  readonly status = status
  readonly attributes = attributes
  readonly links: ReadonlyArray<Tracer.SpanLink> = []
  private id: string | undefined = undefined

  constructor(name: string, traceId: string, parent: Option.Option<Tracer.AnySpan>, kind: Tracer.SpanKind) {
    this.name = name
    this.traceId = traceId
    this.parent = parent
    this.kind = kind
  }

  /** Made when it is first asked for: most of these spans are never named to anyone. */
  get spanId() {
    return (this.id ??= makeSpanId())
  }

  attribute() {}
  event() {}
  addLinks() {}
  end() {}
}

/** The root of a request that is not sampled, below `parent` where another service called. */
export const rootOf = (traceId: string, parent: Option.Option<Tracer.AnySpan>) =>
  new UnsampledSpan("request", traceId, parent, "server")

/** The span that `options` ask for, in the trace of its parent or a new one. */
export const unsampled = (options: Parameters<Tracer.Tracer["span"]>[0]) =>
  new UnsampledSpan(
    options.name,
    Option.isSome(options.parent) ? options.parent.value.traceId : makeTraceId(),
    options.parent,
    options.kind
  )
