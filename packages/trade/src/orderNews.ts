import { Money } from "@mall/domain/kernel/Money"
import type { MovedOrder } from "./OrderRows.ts"

/** What every message about an order says of it. */
export const newsOf = ({ checkoutId, currency, id, merchantId, total, userId }: MovedOrder, at: Date) => ({
  orderId: id,
  checkoutId,
  userId,
  merchantId,
  total: Money.of(total, currency),
  at
})
