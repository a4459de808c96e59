import { Effect, Metric } from "effect"

/** Seconds. The documents ask for 0.1 and up; answers of this server need finer ones below. */
export const durationBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 2, 5, 10]

/** A histogram that is only turned into Effect's shape when it is read. */
export class Tally {
  count = 0
  sum = 0
  min = Number.MAX_VALUE
  max = -Number.MAX_VALUE
  private readonly bounds: ReadonlyArray<number>
  private readonly below: Float64Array

  constructor(bounds: ReadonlyArray<number>) {
    this.bounds = bounds
    this.below = new Float64Array(bounds.length + 1)
  }

  add(value: number) {
    const bounds = this.bounds
    let i = 0
    while (i < bounds.length && value > (bounds[i] ?? Number.POSITIVE_INFINITY)) i++
    this.below[i] = (this.below[i] ?? 0) + 1
    this.count++
    this.sum += value
    if (value < this.min) this.min = value
    if (value > this.max) this.max = value
  }

  /** `scale` turns the unit it was counted in into another. */
  state(scale: number): Metric.HistogramState {
    let cumulative = 0
    return {
      buckets: this.bounds.map((bound, i) => [bound * scale, (cumulative += this.below[i] ?? 0)]),
      count: this.count,
      min: this.min * scale,
      max: this.max * scale,
      sum: this.sum * scale
    }
  }
}

type Labels = Record<string, string>

const noop = () => {}

/** Enters series in the registry of the metrics that are read from the values given, only when someone scrapes them. */
export const makeRegistrar = Effect.map(Effect.context<never>(), (context) => ({
  histogram: (name: string, description: string, attributes: Labels, get: () => Metric.HistogramState) =>
    Metric.registerUnsafe(Metric.histogram(name, { description, attributes, boundaries: [] }), context, {
      get,
      update: noop,
      modify: noop
    }),
  counter: (name: string, description: string, attributes: Labels, get: () => number) =>
    Metric.registerUnsafe(Metric.counter(name, { description, attributes, incremental: true }), context, {
      get: () => ({ count: get(), incremental: true }),
      update: noop,
      modify: noop
    }),
  gauge: (name: string, description: string, attributes: Labels, get: () => number) =>
    Metric.registerUnsafe(Metric.gauge(name, { description, attributes }), context, {
      get: () => ({ value: get() }),
      update: noop,
      modify: noop
    })
}))
