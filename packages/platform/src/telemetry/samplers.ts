import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  TraceIdRatioBasedSampler
} from "@opentelemetry/sdk-trace-base"
import type { Sampler } from "@opentelemetry/sdk-trace-base"
import type { TracingConfig } from "./tracingConfig.ts"

export const makeSampler = (config: TracingConfig["sampler"]): Sampler => {
  const root = config.name.endsWith("always_on")
    ? new AlwaysOnSampler()
    : config.name.endsWith("always_off")
      ? new AlwaysOffSampler()
      : new TraceIdRatioBasedSampler(config.ratio)
  return config.name.startsWith("parentbased") ? new ParentBasedSampler({ root }) : root
}
