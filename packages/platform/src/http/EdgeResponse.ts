import { ServerResponse } from "node:http"
import type { IncomingMessage, OutgoingHttpHeader, OutgoingHttpHeaders } from "node:http"

/** A body below this size goes out together with those of the other requests of the same turn of the event loop. */
const maxDeferred = 64 * 1024

type End = readonly [response: { endNow(body: string | Uint8Array): void }, body: string | Uint8Array]

let waiting: Array<End> = []

const endAll = () => {
  const ends = waiting
  waiting = []
  for (const [response, body] of ends) response.endNow(body)
}

/**
 * Node's response, with two things made cheaper that dominate a small answer.
 *
 * Every answer is a system call that wakes the client. The answers of one turn of the event loop are written one after
 * the other at its end, so that most of them find the client awake; alone, an answer waits for nothing.
 *
 * `strictContentLength` makes Node write head and body apart. Where the declared length was compared here, it is not needed.
 * It also writes bytes apart, and a string together with the head: so bytes are sent as a string with a character for each of them.
 */
export class EdgeResponse<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  /** What the edge adds to the headers of the answer: names and values in turn. */
  edgeHeaders: Array<string> | undefined = undefined
  private declaredLength: string | undefined = undefined

  override writeHead(status: number, ...rest: ReadonlyArray<unknown>): this {
    const last = rest.at(-1)
    const headers = isRecord(last) ? last : undefined
    const length = headers?.["content-length"]
    if (typeof length === "string") this.declaredLength = length
    const reason = typeof rest[0] === "string" ? rest[0] : undefined
    const all = this.edgeHeaders === undefined ? headers : flatten(headers, this.edgeHeaders)
    return reason === undefined ? super.writeHead(status, all) : super.writeHead(status, reason, all)
  }

  override end(...args: ReadonlyArray<unknown>): this {
    const body = args[0]
    if (args.length === 1 && this.isWhole(body)) {
      if (waiting.length === 0) setImmediate(endAll)
      waiting.push([this, body])
      return this
    }
    return Reflect.apply(super.end, this, args)
  }

  endNow(body: string | Uint8Array) {
    this.strictContentLength = false
    if (typeof body === "string") super.end(body)
    else super.end(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("latin1"), "latin1")
  }

  private isWhole(body: unknown): body is string | Uint8Array {
    if (typeof body !== "string" && !(body instanceof Uint8Array)) return false
    const length = typeof body === "string" ? Buffer.byteLength(body) : body.byteLength
    return length > 0 && length < maxDeferred && this.declaredLength === String(length)
  }
}

const isRecord = (value: unknown): value is OutgoingHttpHeaders => typeof value === "object" && value !== null

const flatten = (headers: OutgoingHttpHeaders | undefined, more: Array<string>) => {
  const all: Array<OutgoingHttpHeader> = more
  for (const name in headers) {
    const value = headers[name]
    if (value === undefined) continue
    // An own line for each cookie: they cannot be joined.
    if (Array.isArray(value)) for (const one of value) all.push(name, one)
    else all.push(name, value)
  }
  return all
}
