import { Context, Schema } from "effect"
import type { Effect, Option } from "effect"
import type { InvalidCursor, Page } from "../kernel/Page.ts"
import { LocalizedText } from "../kernel/LocalizedText.ts"
import { MerchantId } from "./Merchant.ts"
import type { MerchantCodeTaken } from "./MerchantError.ts"

/** A merchant as the catalogue has it. */
export const ListedMerchant = Schema.Struct({
  id: MerchantId,
  code: Schema.String,
  name: LocalizedText,
  createdAt: Schema.Date
})
export type ListedMerchant = typeof ListedMerchant.Type

/** The port by which a merchant comes to be. Owned by catalog; `create` joins the ambient transaction. */
export class Merchants extends Context.Service<
  Merchants,
  {
    /** Idempotent by id. */
    create(merchant: ListedMerchant): Effect.Effect<void, MerchantCodeTaken>
    find(id: MerchantId): Effect.Effect<Option.Option<ListedMerchant>>
    /** Whether a merchant has the code. */
    isTaken(code: string): Effect.Effect<boolean>
    /** Newest first. */
    list(page: { readonly limit?: number; readonly after?: string }): Effect.Effect<Page<ListedMerchant>, InvalidCursor>
  }
>()("@mall/domain/merchants/Merchants") {}
