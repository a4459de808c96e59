import { Schema } from "effect"
import type { Tampering } from "../Fault.ts"

const isList = Schema.is(Schema.Array(Schema.JsonObject))

/** An object with something untrue in it. */
export const falsify = (object: Schema.JsonObject, tampering: Tampering | undefined): Schema.JsonObject => {
  const { data } = object
  if (isList(data)) return { ...object, data: data.map((listed) => falsify(listed, tampering)) }
  switch (tampering) {
    case "amount": {
      const more = (name: string) => (typeof object[name] === "number" ? { [name]: Number(object[name]) + 1 } : {})
      return { ...object, ...more("amount"), ...more("amount_received") }
    }
    case "currency":
      return { ...object, currency: object["currency"] === "usd" ? "eur" : "usd" }
    case "merchant":
      return { ...object, livemode: true }
    case "reference":
      return { ...object, metadata: { attempt_id: "another-order" } }
    default:
      return object
  }
}
