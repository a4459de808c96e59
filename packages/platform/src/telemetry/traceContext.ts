import { randomFillSync } from "node:crypto"

/** Where a request comes from, as its `traceparent` says it. */
export interface RemoteParent {
  readonly traceId: string
  readonly spanId: string
  readonly sampled: boolean
}

const shape = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/
const noTrace = "0".repeat(32)
const noSpan = "0".repeat(16)

/** Reads a W3C `traceparent`; a later version than ours is read as far as ours goes, an invalid one counts as none. */
export const parseTraceparent = (header: string): RemoteParent | undefined => {
  const [, traceId, spanId, flags] = shape.exec(header) ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  if (traceId === noTrace || spanId === noSpan || (header.startsWith("00") && header.length !== 55)) return undefined
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

// Random bytes are fetched in bulk: one system call serves hundreds of ids.
const pool = Buffer.allocUnsafe(8192)
let used = pool.length

const randomHex = (bytes: number) => {
  if (used + bytes > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const hex = pool.toString("hex", used, used + bytes)
  used += bytes
  return hex
}

/** A new trace id: 32 hex digits, all of them random, as ratio samplers need. */
export const makeTraceId = () => randomHex(16)

/** A new span id: 16 hex digits. */
export const makeSpanId = () => randomHex(8)
