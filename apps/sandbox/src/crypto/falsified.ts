import { Option, Schema } from "effect"
import type { Tampering } from "../Fault.ts"

const Log = Schema.StructWithRest(Schema.Struct({ topics: Schema.Array(Schema.String), data: Schema.String }), [
  Schema.Record(Schema.String, Schema.Json)
])
const decodeLogs = Schema.decodeUnknownOption(Schema.NonEmptyArray(Log))
const decodeReceipt = Schema.decodeUnknownOption(
  Schema.StructWithRest(Schema.Struct({ transactionHash: Schema.String }), [Schema.Record(Schema.String, Schema.Json)])
)
const isQuantity = Schema.is(Schema.String.check(Schema.isPattern(/^0x[0-9a-f]{1,16}$/)))

const anotherToken = `0x${"70ce".repeat(10)}`
const somebody = `0x${"0".repeat(24)}${"50be".repeat(10)}`
const anotherTransaction = `0x${"7a".repeat(32)}`
const anotherChain = "0x1"

type Log = typeof Log.Type

/** What a node that lies makes of the logs of transfers. */
const falseLogs = (logs: ReadonlyArray<Log>, tampering: Tampering): ReadonlyArray<Log> => {
  switch (tampering) {
    case "amount":
      return logs.map((log) => ({ ...log, data: `0x${(2n * BigInt(log.data)).toString(16).padStart(64, "0")}` }))
    case "currency":
      return logs.map((log) => ({ ...log, address: anotherToken }))
    case "reference":
      return logs.map((log) => ({ ...log, topics: [...log.topics.slice(0, 2), somebody] }))
    case "omission":
      return []
    case "invention":
      return logs.flatMap((log) => [log, { ...log, transactionHash: anotherTransaction }])
    default:
      return logs
  }
}

/** An answer that tells something else than what is on the chain. */
export const falsified = (payload: Schema.JsonObject, tampering: Tampering): Schema.JsonObject => {
  const { result } = payload
  if (tampering === "merchant" && isQuantity(result)) return { ...payload, result: anotherChain }
  const logs = decodeLogs(result)
  if (Option.isSome(logs)) return { ...payload, result: falseLogs(logs.value, tampering) }
  const receipt = decodeReceipt(result)
  return Option.isSome(receipt) && tampering === "reference"
    ? { ...payload, result: { ...receipt.value, transactionHash: anotherTransaction } }
    : payload
}
