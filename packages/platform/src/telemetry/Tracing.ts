import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import * as OtelTracer from "@effect/opentelemetry/OtelTracer"
import * as Resource from "@effect/opentelemetry/Resource"
import { ROOT_CONTEXT, SpanKind, trace } from "@opentelemetry/api"
import type { Span as OtelSpan } from "@opentelemetry/api"
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http"
import { BatchSpanProcessor, SamplingDecision } from "@opentelemetry/sdk-trace-base"
import type { Sampler } from "@opentelemetry/sdk-trace-base"
import { Clock, Config, Context, Duration, Effect, Exit, Layer, Option, Predicate, Tracer } from "effect"
import { makeSampler, SamplerConfig } from "./samplers.ts"
import { makeSpanId, makeTraceId } from "./traceContext.ts"
import type { RemoteParent } from "./traceContext.ts"
import { UnsampledSpan } from "./UnsampledSpan.ts"

const TracingConfig = Config.all({
  endpoint: Config.option(Config.String("OTEL_EXPORTER_OTLP_ENDPOINT")),
  serviceName: Config.String("OTEL_SERVICE_NAME").pipe(Config.withDefault("mall")),
  sampler: SamplerConfig,
  exportInterval: Config.Duration("OTEL_BSP_SCHEDULE_DELAY").pipe(Config.withDefault(Duration.seconds(5))),
  shutdownTimeout: Config.Duration("TELEMETRY_SHUTDOWN_TIMEOUT").pipe(Config.withDefault(Duration.seconds(3)))
})

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

const traceOf = (parent: Option.Option<Tracer.AnySpan>) =>
  Option.isSome(parent) ? parent.value.traceId : makeTraceId()

const unsampled = (options: Parameters<Tracer.Tracer["span"]>[0]) =>
  new UnsampledSpan(options.name, traceOf(options.parent), options.parent, options.kind)

const isUnsampled = (options: Parameters<Tracer.Tracer["span"]>[0]) =>
  !options.sampled || (Option.isSome(options.parent) && !options.parent.value.sampled)

const layerOff = Layer.mergeAll(
  Layer.succeed(Tracer.Tracer, Tracer.make({ span: unsampled })),
  Layer.succeed(
    Tracing,
    Tracing.of({
      isSampled: () => false,
      begin: (traceId) => ({
        span: new UnsampledSpan("request", traceId, Option.none(), "server"),
        end: () => {}
      })
    })
  )
)

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

/** With the collector down, the last spans are lost; that must not turn the end of the process into a failure. */
class BestEffortProcessor extends BatchSpanProcessor {
  override forceFlush() {
    return super.forceFlush().catch(() => {})
  }
  override shutdown() {
    return super.shutdown().catch(() => {})
  }
}

const layerOn = (endpoint: string, config: Config.Success<typeof TracingConfig>) => {
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

/**
 * Traces over OTLP/HTTP to `OTEL_EXPORTER_OTLP_ENDPOINT`; without it nothing is recorded and trace ids are still made
 * and passed on. Spans leave in batches; those waiting at the end are sent within `TELEMETRY_SHUTDOWN_TIMEOUT`. A collector
 * that is down costs spans, never a request.
 */
export const layer = Layer.unwrap(
  Effect.map(TracingConfig, (config) =>
    Option.match(config.endpoint, { onNone: () => layerOff, onSome: (endpoint) => layerOn(endpoint, config) })
  )
)
