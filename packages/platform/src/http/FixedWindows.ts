import { Generations } from "./Generations.ts"

interface Window {
  startedAt: number
  count: number
}

/** At most `limit` calls per key in each window of `length` milliseconds; a window begins with its first call. */
export class FixedWindows {
  private readonly length: number
  private readonly limit: number
  private readonly windows: Generations<Window>

  constructor(limit: number, length: number, capacity: number) {
    this.limit = limit
    this.length = length
    this.windows = new Generations(capacity, () => ({ startedAt: Number.NEGATIVE_INFINITY, count: 0 }))
  }

  /** `remaining` is below zero where the call is one too many; `resetMillis` is the rest of the window. */
  take(key: string, now: number) {
    const window = this.windows.get(key)
    if (now - window.startedAt >= this.length) {
      window.startedAt = now
      window.count = 0
    }
    if (window.count <= this.limit) window.count += 1
    return { remaining: this.limit - window.count, resetMillis: window.startedAt + this.length - now }
  }
}
