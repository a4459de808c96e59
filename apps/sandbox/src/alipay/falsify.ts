import { Schema } from "effect"
import type { Tampering } from "../Fault.ts"
import type { Parameters } from "./AlipaySignature.ts"

const isObject = Schema.is(Schema.JsonObject)

/** The same notice with something untrue in it, signed as if it were true. */
export const falsifyNotice = (notice: Parameters, tampering: Tampering | undefined): Parameters => {
  switch (tampering) {
    case "amount":
      return { ...notice, total_amount: "0.01" }
    case "currency":
      return { ...notice, trans_currency: "USD", total_amount: "0.07" }
    case "merchant":
      return { ...notice, seller_id: "2088000000000000" }
    case "reference":
      return { ...notice, out_trade_no: "another-order" }
    default:
      return notice
  }
}

/** An answer with something untrue in it. */
export const falsifyAnswer = (given: Schema.Json, tampering: Tampering | undefined): Schema.Json => {
  const answer = isObject(given) ? given : {}
  switch (tampering) {
    case "amount":
    case "currency":
      return {
        ...answer,
        altered: "yes",
        ...("total_amount" in answer ? { total_amount: "0.01" } : {}),
        ...("refund_amount" in answer ? { refund_amount: "0.01" } : {})
      }
    case "reference":
      return { ...answer, out_trade_no: "another-order" }
    default:
      return answer
  }
}

/** A file is not signed: its own check sum tells that a byte of it is another one. */
export const falsifyFile = (file: string | Uint8Array, tampering: Tampering | undefined) =>
  tampering === "body" && typeof file !== "string"
    ? file.map((byte, index) => (index === Math.floor(file.length / 3) ? byte ^ 1 : byte))
    : file
