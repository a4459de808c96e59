import { Effect, Layer, Option, Tracer } from "effect"
import { Tracing } from "./Tracing.ts"
import { TracingConfig } from "./tracingConfig.ts"
import { unsampled, UnsampledSpan } from "./UnsampledSpan.ts"

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

/**
 * Traces over OTLP/HTTP to `OTEL_EXPORTER_OTLP_ENDPOINT`; without it nothing is recorded and trace ids are still made
 * and passed on. Spans leave in batches; those waiting at the end are sent within `TELEMETRY_SHUTDOWN_TIMEOUT`. A collector
 * that is down costs spans, never a request.
 */
export const layer = Layer.unwrap(
  Effect.map(TracingConfig, (config) =>
    Option.match(config.endpoint, {
      onNone: () => layerOff,
      // OpenTelemetry is a tenth of what a start has to load, and most starts have no collector
      onSome: (endpoint) =>
        Layer.unwrap(
          Effect.map(
            Effect.promise(() => import("./otlpTracing.ts")),
            ({ layer }) => layer(endpoint, config)
          )
        )
    })
  )
)
