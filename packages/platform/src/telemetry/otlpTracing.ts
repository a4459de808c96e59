import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import * as OtelTracer from "@effect/opentelemetry/OtelTracer"
import * as Resource from "@effect/opentelemetry/Resource"
import { ROOT_CONTEXT, SpanKind, trace } from "@opentelemetry/api"
import type { Span as OtelSpan } from "@opentelemetry/api"
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http"
import { BatchSpanProcessor, SamplingDecision } from "@opentelemetry/sdk-trace-base"
import type { ReadableSpan, Sampler } from "@opentelemetry/sdk-trace-base"
import { Clock, Context, Duration, Effect, Exit, Layer, Option, Predicate, Tracer } from "effect"
import { maskCardNumbers } from "./cardNumbers.ts"
import { redact } from "./redact.ts"
import { makeSampler } from "./samplers.ts"
import { makeSpanId, makeTraceId } from "./traceContext.ts"
import type { RemoteParent } from "./traceContext.ts"
import { Tracing } from "./Tracing.ts"
import type { RecordedSpan } from "./Tracing.ts"
import type { TracingConfig } from "./tracingConfig.ts"
import { unsampled } from "./UnsampledSpan.ts"

const isUnsampled = (options: Parameters<Tracer.Tracer["span"]>[0]) =>
  !options.sampled || (Option.isSome(options.parent) && !options.parent.value.sampled)

const decide = (sampler: Sampler, traceId: string, parent: RemoteParent | undefined) => {
  const context =
    parent === undefined
      ? ROOT_CONTEXT
      : trace.setSpanContext(ROOT_CONTEXT, {
          traceId: parent.traceId,
          spanId: parent.spanId,
          traceFlags: parent.sampled ? 1 : 0,
          isRemote: true
        })
  return (
    sampler.shouldSample(context, traceId, "request", SpanKind.SERVER, {}, []).decision ===
    SamplingDecision.RECORD_AND_SAMPLED
  )
}

/** Ours and our peers', not a person's, though they are called addresses. */
const ours = new Set(["server.address", "network.local.address"])

const redactedAttribute = (key: string, value: unknown) => (ours.has(key) ? redact("", value) : redact(key, value))

const redactAttributes = (attributes: Record<string, unknown> | undefined) => {
  for (const key in attributes) {
    const value = attributes[key]
    attributes[key] = Array.isArray(value)
      ? value.map((item) => redactedAttribute(key, item))
      : redactedAttribute(key, value)
  }
}

/**
 * Sends what a log would be allowed to say. With the collector down, the last spans are lost; that must not turn the end of
 * the process into a failure.
 */
class BestEffortProcessor extends BatchSpanProcessor {
  override onEnd(span: ReadableSpan) {
    redactAttributes(span.attributes)
    for (const event of span.events) redactAttributes(event.attributes)
    if (span.status.message !== undefined) span.status.message = maskCardNumbers(span.status.message)
    super.onEnd(span)
  }
  override forceFlush() {
    return super.forceFlush().catch(() => {})
  }
  override shutdown() {
    return super.shutdown().catch(() => {})
  }
}

/** Traces to the collector at `endpoint`. */
export const layer = (endpoint: string, config: TracingConfig) => {
  const sampler = makeSampler(config.sampler)
  // The trace id that the request was given before its span exists; set only while `begin` runs.
  let given: string | undefined
  const idGenerator = { generateTraceId: () => given ?? makeTraceId(), generateSpanId: makeSpanId }

  const provider = Layer.unwrap(
    Effect.sync(() =>
      NodeSdk.layerTracerProvider(
        new BestEffortProcessor(new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, "")}/v1/traces` }), {
          scheduledDelayMillis: Duration.toMillis(config.exportInterval)
        }),
        { sampler, idGenerator, shutdownTimeout: config.shutdownTimeout }
      )
    )
  )

  const services = Effect.gen(function* () {
    const otel = yield* OtelTracer.make
    const clock = yield* Clock.Clock
    const begin = (traceId: string, parent: RemoteParent | undefined): RecordedSpan => {
      given = traceId
      const span = otel.span({
        name: "request",
        parent: parent === undefined ? Option.none() : Option.some(Tracer.externalSpan(parent)),
        annotations: Context.empty(),
        links: [],
        startTime: clock.currentTimeNanosUnsafe(),
        kind: "server",
        root: parent === undefined,
        sampled: true
      })
      given = undefined
      return {
        span,
        end: (name, status, attributes) => {
          for (const key in attributes) if (attributes[key] !== undefined) span.attribute(key, attributes[key])
          if (hasOtelSpan(span)) span.span.updateName(name)
          span.end(clock.currentTimeNanosUnsafe(), status >= 500 ? Exit.fail(`answered ${status}`) : Exit.void)
        }
      }
    }
    return Context.make(
      Tracing,
      Tracing.of({ isSampled: (traceId, parent) => decide(sampler, traceId, parent), begin })
    ).pipe(
      Context.add(
        Tracer.Tracer,
        // Without OpenTelemetry's own context: nothing in this process reads it, and keeping it costs time at every step.
        Tracer.make({ span: (options) => (isUnsampled(options) ? unsampled(options) : otel.span(options)) })
      )
    )
  })

  return Layer.effectContext(services).pipe(
    Layer.provide(OtelTracer.layerTracer),
    Layer.provide(provider),
    Layer.provide(Resource.layerFromEnv(Resource.configToAttributes({ serviceName: config.serviceName })))
  )
}

const hasOtelSpan = (span: Tracer.Span): span is Tracer.Span & { readonly span: OtelSpan } =>
  Predicate.hasProperty(span, "span")
