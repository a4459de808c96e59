import * as http from "node:http"
import { performance } from "node:perf_hooks"
import autocannon from "autocannon"

/** What one load told: requests a second and latency in milliseconds. `errors` counts answers that were not 2xx, and no answers. */
export interface Figure {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly errors: number
}

/** As many requests for `url` as `connections` keep-alive connections can make, for `seconds`. */
export const hammer = async (options: {
  readonly url: string
  readonly headers?: Record<string, string>
  readonly connections?: number
  readonly seconds?: number
}): Promise<Figure> => {
  const result = await autocannon({
    url: options.url,
    headers: options.headers ?? {},
    connections: options.connections ?? 64,
    duration: options.seconds ?? 5
  })
  return {
    perSecond: result.requests.average,
    p50: result.latency.p50,
    p99: result.latency.p99,
    errors: result.non2xx + result.errors
  }
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 256 })

export interface Answer {
  readonly status: number
  readonly body: any
}

/** One request of a flow: JSON in (`raw` where the very bytes matter), JSON out, on a kept connection. */
export const send = (
  method: string,
  url: string,
  options: { readonly headers?: Record<string, string>; readonly body?: unknown; readonly raw?: string } = {}
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const payload = options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body))
    const request = http.request(
      url,
      {
        method,
        agent,
        headers: {
          ...options.headers,
          ...(payload === undefined
            ? {}
            : { "content-type": "application/json", "content-length": String(Buffer.byteLength(payload)) })
        }
      },
      (response) => {
        const chunks: Array<Buffer> = []
        response.on("data", (chunk: Buffer) => chunks.push(chunk))
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString()
          const isJson = (response.headers["content-type"] ?? "").includes("json")
          resolve({ status: response.statusCode ?? 0, body: isJson && text !== "" ? JSON.parse(text) : text })
        })
        response.on("error", reject)
      }
    )
    request.on("error", reject)
    request.end(payload)
  })

const percentile = (sorted: ReadonlyArray<number>, part: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0

const figureOf = (latencies: Array<number>, errors: number, begin: number): Figure => {
  const elapsed = (performance.now() - begin) / 1000
  latencies.sort((a, b) => a - b)
  return {
    perSecond: latencies.length / elapsed,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    errors
  }
}

/** Runs `step` in `workers` loops for `seconds`; a step that throws or returns false is an error. */
export const flow = async (options: {
  readonly workers: number
  readonly seconds: number
  readonly step: (worker: number, turn: number) => Promise<boolean>
}): Promise<Figure> => {
  const latencies: Array<number> = []
  let errors = 0
  const begin = performance.now()
  const end = begin + options.seconds * 1000
  const loop = async (worker: number) => {
    for (let turn = 0; performance.now() < end; turn++) {
      const started = performance.now()
      const fine = await options.step(worker, turn).catch(() => false)
      if (fine) latencies.push(performance.now() - started)
      else errors++
    }
  }
  await Promise.all(Array.from({ length: options.workers }, (_, worker) => loop(worker)))
  return figureOf(latencies, errors, begin)
}

/** Starts `step` at a steady `perSecond`, whether or not earlier ones have ended, as visitors do. */
export const steady = async (options: {
  readonly perSecond: number
  readonly seconds: number
  readonly step: (turn: number) => Promise<boolean>
}): Promise<Figure> => {
  const latencies: Array<number> = []
  let errors = 0
  const total = options.perSecond * options.seconds
  const begin = performance.now()
  const running: Array<Promise<void>> = []
  for (let turn = 0; turn < total; turn++) {
    const due = begin + (turn / options.perSecond) * 1000
    const wait = due - performance.now()
    if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait))
    running.push(
      options
        .step(turn)
        .catch(() => false)
        .then((fine) => {
          // from when it was due, so that a stalled server cannot hide behind requests that were never started
          if (fine) latencies.push(performance.now() - due)
          else errors++
        })
    )
  }
  await Promise.all(running)
  return figureOf(latencies, errors, begin)
}

/** Runs `step` once for each of `items`, in `workers` loops. */
export const drain = async <A>(
  workers: number,
  items: ReadonlyArray<A>,
  step: (item: A) => Promise<boolean>
): Promise<Figure> => {
  const latencies: Array<number> = []
  let errors = 0
  const begin = performance.now()
  const rest = items.values()
  const loop = async () => {
    for (const item of rest) {
      const started = performance.now()
      const fine = await step(item).catch(() => false)
      if (fine) latencies.push(performance.now() - started)
      else errors++
    }
  }
  await Promise.all(Array.from({ length: workers }, loop))
  return figureOf(latencies, errors, begin)
}
