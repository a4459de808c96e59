import { Layer } from "effect"
import { BuyerErasure } from "./BuyerErasure.ts"
import { CartRepo } from "./CartRepo.ts"
import { Carts } from "./Carts.ts"
import { CartTokens } from "./CartTokens.ts"
import { CheckoutPayments } from "./CheckoutPayments.ts"
import { CheckoutRepo } from "./CheckoutRepo.ts"
import { Checkouts } from "./Checkouts.ts"
import { Fulfilment } from "./Fulfilment.ts"
import { OrderCancellation } from "./OrderCancellation.ts"
import { OrderExpiry } from "./OrderExpiry.ts"
import { OrderExpiryRules } from "./OrderExpiryRules.ts"
import { OrderPayments } from "./OrderPayments.ts"
import { OrderPlacement } from "./OrderPlacement.ts"
import { OrderRefunds } from "./OrderRefunds.ts"
import { OrderRepo } from "./OrderRepo.ts"
import { Orders } from "./Orders.ts"
import { PaidCheckouts } from "./PaidCheckouts.ts"
import { PaymentIncidents } from "./PaymentIncidents.ts"
import { PendingOrders } from "./PendingOrders.ts"
import { ReturnRefunds } from "./returns/ReturnRefunds.ts"
import { ReturnRepo } from "./returns/ReturnRepo.ts"
import { Returns } from "./returns/Returns.ts"
import { sealedOrders } from "./sealedOrder.ts"
import { sealedReturns } from "./returns/sealedReturn.ts"
import { StockReservations } from "./StockReservations.ts"

const rows = Layer.mergeAll(
  BuyerErasure.layer,
  CartRepo.layer,
  CartTokens.layer,
  CheckoutRepo.layer,
  OrderRepo.layer,
  OrderExpiryRules.layer,
  PaymentIncidents.layer,
  ReturnRepo.layer,
  StockReservations.layer
)

/** The tables of trade that hold personal data. */
export const personalDataTables = [sealedOrders, sealedReturns]

/**
 * Every service of trade but the `Stock` port, which is `Inventory.layer` and comes first: catalog shows and sets stock, so
 * trade needs catalog and catalog needs only the port. Open: `SqlClient`, `Outbox`, and the ports `Catalog`, `Stock`,
 * `AddressBook` and `PaymentGateway`.
 */
export const layer = Layer.mergeAll(
  Carts.layerNoDeps,
  Checkouts.layerNoDeps,
  OrderCancellation.layerNoDeps,
  OrderExpiry.layerNoDeps,
  OrderPayments.layerNoDeps,
  Returns.layerNoDeps
).pipe(
  Layer.provideMerge(
    Layer.mergeAll(
      Fulfilment.layerNoDeps,
      OrderRefunds.layerNoDeps,
      PaidCheckouts.layerNoDeps,
      PendingOrders.layerNoDeps,
      ReturnRefunds.layerNoDeps
    )
  ),
  Layer.provideMerge(Layer.mergeAll(Orders.layerNoDeps, OrderPlacement.layer)),
  Layer.provideMerge(CheckoutPayments.layer),
  Layer.provideMerge(rows)
)
