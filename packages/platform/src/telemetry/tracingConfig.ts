import { Config, Duration, Schema } from "effect"

const Name = Schema.Literals([
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio"
])

/** The sampler by the names of the OpenTelemetry specification; a tenth of the traces by default. */
const SamplerConfig = Config.all({
  name: Config.schema(Name, "OTEL_TRACES_SAMPLER").pipe(Config.withDefault("parentbased_traceidratio" as const)),
  ratio: Config.schema(
    Schema.FiniteFromString.check(Schema.isBetween({ minimum: 0, maximum: 1 })),
    "OTEL_TRACES_SAMPLER_ARG"
  ).pipe(Config.withDefault(0.1))
})

export const TracingConfig = Config.all({
  endpoint: Config.option(Config.String("OTEL_EXPORTER_OTLP_ENDPOINT")),
  serviceName: Config.String("OTEL_SERVICE_NAME").pipe(Config.withDefault("mall")),
  sampler: SamplerConfig,
  exportInterval: Config.Duration("OTEL_BSP_SCHEDULE_DELAY").pipe(Config.withDefault(Duration.seconds(5))),
  shutdownTimeout: Config.Duration("TELEMETRY_SHUTDOWN_TIMEOUT").pipe(Config.withDefault(Duration.seconds(3)))
})
export type TracingConfig = Config.Success<typeof TracingConfig>
