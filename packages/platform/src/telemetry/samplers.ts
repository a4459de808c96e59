import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  TraceIdRatioBasedSampler
} from "@opentelemetry/sdk-trace-base"
import type { Sampler } from "@opentelemetry/sdk-trace-base"
import { Config, Schema } from "effect"

const Name = Schema.Literals([
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio"
])

/** The sampler by the names of the OpenTelemetry specification; a tenth of the traces by default. */
export const SamplerConfig = Config.all({
  name: Config.schema(Name, "OTEL_TRACES_SAMPLER").pipe(Config.withDefault("parentbased_traceidratio" as const)),
  ratio: Config.schema(
    Schema.FiniteFromString.check(Schema.isBetween({ minimum: 0, maximum: 1 })),
    "OTEL_TRACES_SAMPLER_ARG"
  ).pipe(Config.withDefault(0.1))
})

export const makeSampler = (config: Config.Success<typeof SamplerConfig>): Sampler => {
  const root = config.name.endsWith("always_on")
    ? new AlwaysOnSampler()
    : config.name.endsWith("always_off")
      ? new AlwaysOffSampler()
      : new TraceIdRatioBasedSampler(config.ratio)
  return config.name.startsWith("parentbased") ? new ParentBasedSampler({ root }) : root
}
