import { Schema } from "effect"
import { BilingualText } from "../catalog/BilingualText.ts"
import { Uuid7 } from "../kernel/Id.ts"
import { LocalizedText } from "../kernel/LocalizedText.ts"
import { Page } from "../kernel/Page.ts"
import { NonBlankText } from "../kernel/PlainText.ts"
import { MerchantCode } from "./Application.ts"
import { MerchantId } from "./Merchant.ts"

export const ShopId = Uuid7.pipe(Schema.brand("ShopId"), Schema.annotate({ identifier: "ShopId" }))
export type ShopId = typeof ShopId.Type

export const ShopStatus = Schema.Literals(["open", "closed"]).annotate({ identifier: "ShopStatus" })
export type ShopStatus = typeof ShopStatus.Type

/** One of the places under which a merchant sells. `name` is the one that counts now. */
export class Shop extends Schema.Class<Shop>("Shop")({
  id: ShopId,
  merchantId: MerchantId,
  code: Schema.String,
  name: LocalizedText,
  status: ShopStatus,
  createdAt: Schema.Date,
  updatedAt: Schema.Date
}) {}

export const ShopPage = Page(Shop)

export const NewShop = Schema.Struct({ code: MerchantCode, name: BilingualText(100) }).annotate({
  identifier: "NewShop"
})
export type NewShop = typeof NewShop.Type

/** `effectiveFrom` is when the new name begins to count: at once where it is left out. */
export const ShopEdit = Schema.Struct({
  name: Schema.optionalKey(BilingualText(100)),
  effectiveFrom: Schema.optionalKey(Schema.Date),
  status: Schema.optionalKey(ShopStatus),
  reason: NonBlankText(500)
}).annotate({ identifier: "ShopEdit" })
export type ShopEdit = typeof ShopEdit.Type

/** What a shop was called, and whether it was open, from when on; the newest first. */
export const ShopChange = Schema.Struct({
  name: LocalizedText,
  status: ShopStatus,
  effectiveFrom: Schema.Date,
  actor: Schema.String,
  reason: Schema.String,
  traceId: Schema.NullOr(Schema.String),
  at: Schema.Date
}).annotate({ identifier: "ShopChange" })
export type ShopChange = typeof ShopChange.Type
