import { Schema } from "effect"
import type { Tampering } from "../Fault.ts"

const isObject = Schema.is(Schema.JsonObject)

/** A resource with something untrue in it, also in what it holds. */
export const falsify = (resource: Schema.Json, tampering: Tampering | undefined): Schema.Json => {
  if (Array.isArray(resource)) return resource.map((part: Schema.Json) => falsify(part, tampering))
  if (!isObject(resource) || tampering === undefined) return resource
  const inner = Object.fromEntries(Object.entries(resource).map(([name, value]) => [name, falsify(value, tampering)]))
  switch (tampering) {
    case "amount":
      return "value" in inner ? { ...inner, value: `9${String(inner["value"])}` } : inner
    case "currency":
      return "currency_code" in inner
        ? { ...inner, currency_code: inner["currency_code"] === "USD" ? "EUR" : "USD" }
        : inner
    case "merchant":
      return "merchant_id" in inner ? { ...inner, merchant_id: "SOMEBODYELSE1" } : inner
    case "reference":
      return "custom_id" in inner ? { ...inner, custom_id: "another-order" } : inner
    default:
      return inner
  }
}
