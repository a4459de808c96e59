import { Generations } from "./Generations.ts"

/** One caller's bucket, and at the same time the outcome of the last `take`, so that a check makes no garbage. */
export class Bucket {
  tokens: number
  updatedAt = 0
  allowed = true

  constructor(tokens: number) {
    this.tokens = tokens
  }
}

/** A burst of `burst` calls per key, refilled evenly with `perSecond`. Times are milliseconds of a clock that never goes back. */
export class TokenBuckets {
  readonly burst: number
  private readonly perMillisecond: number
  private readonly buckets: Generations<Bucket>

  constructor(perSecond: number, burst: number, capacity: number) {
    this.burst = burst
    this.perMillisecond = perSecond / 1000
    this.buckets = new Generations(capacity, () => new Bucket(burst))
  }

  take(key: string, now: number): Bucket {
    const bucket = this.buckets.get(key)
    const elapsed = now - bucket.updatedAt
    if (elapsed > 0) {
      bucket.tokens = Math.min(this.burst, bucket.tokens + elapsed * this.perMillisecond)
      bucket.updatedAt = now
    }
    bucket.allowed = bucket.tokens >= 1
    if (bucket.allowed) bucket.tokens -= 1
    return bucket
  }

  /** Whole seconds, at least one, until one call is allowed again. */
  retryAfterSeconds(bucket: Bucket) {
    return Math.max(1, Math.ceil((1 - bucket.tokens) / this.perMillisecond / 1000))
  }

  /** Whole seconds until the whole burst is there again. */
  resetSeconds(bucket: Bucket) {
    return Math.ceil((this.burst - bucket.tokens) / this.perMillisecond / 1000)
  }
}
