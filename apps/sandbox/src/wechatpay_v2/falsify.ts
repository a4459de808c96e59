import type { Tampering } from "../Fault.ts"
import type { Fields } from "./wechatPayV2Xml.ts"

/** Fields with something untrue in them. */
export const falsify = (fields: Fields, tampering: Tampering | undefined): Fields => {
  const replace = (name: string, value: string) => (name in fields ? { ...fields, [name]: value } : fields)
  switch (tampering) {
    case "amount": {
      const more = (name: string) => (name in fields ? { [name]: String(Number(fields[name]) + 1) } : {})
      return { ...fields, ...more("total_fee"), ...more("refund_fee_0") }
    }
    case "currency":
      return { ...fields, fee_type: "USD" }
    case "merchant":
      return replace("mch_id", "1900000000")
    case "reference":
      return replace("out_trade_no", "another-order")
    default:
      return fields
  }
}
