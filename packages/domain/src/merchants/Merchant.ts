import { Schema } from "effect"
import { Uuid7 } from "../kernel/Id.ts"

/** A seller on the mall and a tenant of the pay platform. */
export const MerchantId = Uuid7.pipe(Schema.brand("MerchantId"), Schema.annotate({ identifier: "MerchantId" }))
export type MerchantId = typeof MerchantId.Type
