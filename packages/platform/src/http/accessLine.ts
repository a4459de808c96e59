import type { RequestInfo } from "./RequestInfo.ts"

const needsEscape = /[^\x20-\x7e]|["\\]/

const quoted = (text: string) => (needsEscape.test(text) ? JSON.stringify(text) : `"${text}"`)

const ticket = /tk_once_[^/]*/g

/** What may be shown of a path without its query, which may hold tickets: where it holds one itself, all but that. */
export const shownPath = (path: string) =>
  path.includes("tk_once_") ? path.replaceAll(ticket, "tk_once_<redacted>") : path

let second = -1
let secondText = ""

/** ISO 8601 in UTC. The part down to the second is kept, as lines come by the thousand in each. */
const isoTime = (millis: number) => {
  const whole = Math.floor(millis / 1000)
  if (whole !== second) {
    second = whole
    secondText = new Date(whole * 1000).toISOString().slice(0, 20)
  }
  return `${secondText}${String(millis - whole * 1000).padStart(3, "0")}Z`
}

export interface Answered {
  readonly info: RequestInfo
  readonly method: string
  /** The route's template. */
  readonly route: string
  /** As asked for, by `shownPath`. */
  readonly path: string
  readonly status: number
  readonly durationMillis: number
  readonly bytesIn: number | undefined
  readonly bytesOut: number | undefined
}

/** One request as a line of JSON, put together by hand: `JSON.stringify` of an object costs several times as much. */
export const accessLine = (time: number, answered: Answered) => {
  const { bytesIn, bytesOut, info } = answered
  return (
    `{"time":"${isoTime(time)}","level":"${answered.status >= 500 ? "warn" : "info"}","message":"request",` +
    `"requestId":"${info.requestId}","traceId":"${info.traceId}","method":"${answered.method}",` +
    `"route":${quoted(answered.route)},"path":${quoted(answered.path)},"status":${answered.status},` +
    `"durationMs":${Math.round(answered.durationMillis * 1000) / 1000}` +
    (bytesIn === undefined ? "" : `,"bytesIn":${bytesIn}`) +
    (bytesOut === undefined ? "" : `,"bytesOut":${bytesOut}`) +
    (info.userId === undefined ? "" : `,"userId":"${info.userId}"`) +
    `,"clientIp":"${info.clientIp}"}`
  )
}
