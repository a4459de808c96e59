import { Context } from "effect"
import type { Effect } from "effect"
import type { SkuId } from "../catalog/Catalog.ts"
import type { UserId } from "../identity/CurrentUser.ts"
import { Schema } from "effect"
import { Problem } from "../kernel/Problem.ts"
import type { MerchantId } from "../merchants/Merchant.ts"

/** The pieces on hand cannot be set below those that are reserved by open orders. */
export class StockBelowReserved extends Problem<StockBelowReserved>()("StockBelowReserved", {
  status: 409,
  title: "More pieces are reserved than would be left",
  fields: { skuId: Schema.String, reserved: Schema.Int },
  detail: ({ reserved }) => `${reserved} are reserved by open orders`
}) {}

/** How many pieces of a merchant's SKU lie in the warehouse. */
export interface StockOnHand {
  readonly skuId: SkuId
  readonly merchantId: MerchantId
  readonly onHand: number
}

/**
 * The port through which catalog shows and sets stock. Owned by trade, which alone decides whether an order may be placed.
 *
 * `available` answers from memory, at most a second old, 0 for a SKU it does not know: for showing only.
 * `setOnHand` states how many pieces lie in the warehouse (not a difference) and writes a movement with `actor`; it
 * answers with how many there were before. A SKU is one merchant's for good, and what is said of another's is a defect.
 */
export class Stock extends Context.Service<
  Stock,
  {
    available(skuIds: ReadonlyArray<SkuId>): Effect.Effect<ReadonlyMap<SkuId, number>>
    setOnHand(
      levels: ReadonlyArray<StockOnHand>,
      actor: UserId | "system"
    ): Effect.Effect<ReadonlyMap<SkuId, number>, StockBelowReserved>
  }
>()("@mall/domain/trade/Stock") {}
