import { Array, Effect, Predicate } from "effect"
import type { Rpc } from "effect/rpc"
import { MallRpcs } from "../src/HttpApp.ts"
import { missingId } from "./endpointCases.ts"
import { hostileValues } from "./hostileInput.ts"
import type { Json } from "./hostileInput.ts"
import { call } from "./rawHttp.ts"

/** They end the session of their caller, so they are never sent with a good token. */
export const endingRpcs = new Set(["account.logout", "account.delete"])

/** What only our own program would say. */
export const traces = /:\d+:\d+\)|\.ts:\d+|node_modules|node:internal|file:\/\//

/** One call as it goes over the wire. */
export const callLine = (id: number, tag: string, payload: Json, token: string | undefined) => {
  const headers = token === undefined ? [] : [["authorization", `Bearer ${token}`]]
  return `${JSON.stringify({ _tag: "Request", id: String(id), tag, payload, headers })}\n`
}

const hostilePayloads = ({ payloadSchema }: Rpc.AnyWithProps): ReadonlyArray<Json> => {
  const fields = Predicate.hasProperty(payloadSchema, "fields") ? Object.keys(payloadSchema.fields ?? {}) : []
  const plain = Object.fromEntries(fields.map((field) => [field, /id$/i.test(field) ? missingId : "x"]))
  return [...hostileValues, ...fields.flatMap((field) => hostileValues.map((value) => ({ ...plain, [field]: value })))]
}

/** More than the server would queue by default. */
const batchSize = 20

/** Sends hostile payloads to every Rpc and tells of each answer that is not as it must be. */
export const faultsOfCalls = (url: string, admin: string) => {
  const batches = Array.fromIterable(MallRpcs.requests.values() as Iterable<Rpc.AnyWithProps>).flatMap((rpc) =>
    Array.chunksOf(hostilePayloads(rpc), batchSize).map((payloads) => ({ tag: rpc._tag, payloads }))
  )
  return Effect.forEach(
    batches,
    Effect.fnUntraced(function* ({ payloads, tag }) {
      const token = endingRpcs.has(tag) ? "abc" : admin
      const body = payloads.map((payload, id) => callLine(id, tag, payload, token)).join("")
      const { status, text } = yield* call(url, { method: "POST", path: "/rpc", body })
      const exits = text.split("\n").filter((line) => line.includes('"_tag":"Exit"')).length
      const is = {
        [`answered ${status}`]: status !== 200,
        [`answers ${exits} of ${payloads.length} calls`]: exits !== payloads.length,
        "tells of the program's insides": traces.test(text),
        "is an InternalError": text.includes("InternalError"),
        "repeats the token": text.includes(admin)
      }
      return Object.entries(is).flatMap(([fault, isFaulty]) =>
        isFaulty ? [`${tag} ${fault}: ${text.slice(0, 500)}`] : []
      )
    }),
    { concurrency: 4 }
  ).pipe(Effect.map((faults) => faults.flat()))
}
