import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { SkuId } from "../catalog/Catalog.ts"
import { UnmaskReason } from "../identity/AccountEvent.ts"
import { PostalAddress } from "../identity/AddressBook.ts"
import { RpcAuthorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { Unauthorized } from "../kernel/EdgeError.ts"
import { InvalidCursor, Page, pageRequest } from "../kernel/Page.ts"
import { Audited } from "../operations/Audit.ts"
import { Cart, CartAddition, CartAdditionId, CartToken } from "./Cart.ts"
import { Checkout, CheckoutRequest } from "./Checkout.ts"
import { cancelErrors, checkoutErrors, returnErrors, returnRequestErrors, stepErrors } from "./operationErrors.ts"
import { CheckoutId, Order, OrderId, OrderStatus, Quantity, Shipment } from "./Order.ts"
import { OrderExpiryRule } from "./OrderExpiryRule.ts"
import { OrderEdit } from "./OrdersApi.ts"
import { NewReturn, Receipt, Rejection, Return, ReturnId, ReturnStatus } from "./Return.ts"
import { PaymentIncident } from "./PaymentIncident.ts"
import { CartItemNotFound, CartLimitExceeded, CartNotFound, OrderNotFound, ProductUnavailable } from "./TradeError.ts"

const listPayload = { ...pageRequest, status: Schema.optionalKey(OrderStatus) }
const byId = { id: OrderId }
const byReturn = { id: OrderId, returnId: ReturnId }
const returnsOfOrder = { ...byId, ...pageRequest }
const returnsOfShop = { ...pageRequest, status: Schema.optionalKey(ReturnStatus) }
const missing = [Unauthorized, CartNotFound] as const
const stepError = Schema.Union(stepErrors)
const cancelError = Schema.Union(cancelErrors)
const returnError = Schema.Union(returnErrors)

/** For shop front ends: the signed-in user's cart, checkout, orders and returns. `checkoutId` and `returnId` are chosen by the client; a retry keeps them. */
export class TradeStorefrontRpcs extends RpcGroup.make(
  Rpc.make("cart.get", { success: Cart, error: Schema.Union(missing) }),
  Rpc.make("cart.add", {
    // Where the client gives the addition an id, a repeated call adds nothing.
    payload: { ...CartAddition.fields, additionId: Schema.optionalKey(CartAdditionId) },
    success: Cart,
    error: Schema.Union([...missing, CartLimitExceeded, ProductUnavailable])
  }),
  Rpc.make("cart.set", {
    payload: { skuId: SkuId, quantity: Quantity },
    success: Cart,
    error: Schema.Union([...missing, CartItemNotFound])
  }),
  Rpc.make("cart.remove", {
    payload: { skuId: SkuId },
    success: Cart,
    error: Schema.Union([...missing, CartItemNotFound])
  }),
  Rpc.make("cart.clear", { success: Cart, error: Schema.Union(missing) }),
  Rpc.make("cart.merge", {
    payload: { cartToken: CartToken },
    success: Cart,
    error: Schema.Union([CartNotFound, CartLimitExceeded])
  }),
  Rpc.make("checkout", {
    payload: { checkoutId: CheckoutId, request: CheckoutRequest },
    success: Checkout,
    error: Schema.Union(checkoutErrors)
  }),
  Rpc.make("orders.list", { payload: listPayload, success: Page(Order), error: InvalidCursor }),
  Rpc.make("orders.get", { payload: byId, success: Order, error: OrderNotFound }),
  Rpc.make("orders.edit", { payload: { ...byId, edit: OrderEdit }, success: Order, error: stepError }),
  Rpc.make("orders.cancel", { payload: byId, success: Order, error: cancelError }),
  Rpc.make("orders.confirmReceipt", { payload: byId, success: Order, error: stepError }),
  Rpc.make("returns.request", {
    payload: { ...byReturn, goods: NewReturn },
    success: Return,
    error: Schema.Union(returnRequestErrors)
  }),
  Rpc.make("returns.list", {
    payload: returnsOfOrder,
    success: Page(Return),
    error: Schema.Union([OrderNotFound, InvalidCursor])
  }),
  Rpc.make("returns.cancel", { payload: byReturn, success: Return, error: returnError })
)
  .annotateRpcs(RequiredPermission, "account")
  .middleware(RpcAuthorization) {}

/** For the staff of a merchant: the orders of their shop. */
export class TradeMerchantRpcs extends RpcGroup.make(
  Rpc.make("orders.listSold", { payload: listPayload, success: Page(Order), error: InvalidCursor }).annotate(
    Audited,
    "nothing"
  ),
  Rpc.make("orders.getSold", { payload: byId, success: Order, error: OrderNotFound }).annotate(Audited, "nothing"),
  Rpc.make("orders.ship", { payload: { ...byId, shipment: Shipment }, success: Order, error: stepError }).annotate(
    Audited,
    "order.ship"
  ),
  Rpc.make("orders.deliver", { payload: byId, success: Order, error: stepError }).annotate(Audited, "order.deliver"),
  Rpc.make("orders.cancelSold", { payload: byId, success: Order, error: cancelError }).annotate(
    Audited,
    "order.cancel"
  ),
  Rpc.make("returns.listSold", { payload: returnsOfShop, success: Page(Return), error: InvalidCursor }).annotate(
    Audited,
    "nothing"
  ),
  Rpc.make("returns.approve", { payload: byReturn, success: Return, error: returnError }).annotate(
    Audited,
    "return.approve"
  ),
  Rpc.make("returns.reject", {
    payload: { ...byReturn, rejection: Rejection },
    success: Return,
    error: returnError
  }).annotate(Audited, "return.reject"),
  Rpc.make("returns.receive", {
    payload: { ...byReturn, receipt: Receipt },
    success: Return,
    error: returnError
  }).annotate(Audited, "return.receive"),
  Rpc.make("returns.refundAgain", { payload: byReturn, success: Return, error: returnError }).annotate(
    Audited,
    "return.refund_again"
  )
)
  .annotateRpcs(RequiredPermission, "orders:fulfil")
  .middleware(RpcAuthorization) {}

/** For operators: the orders of all, how long they wait, and what went wrong with their payments. */
export class TradeAdminRpcs extends RpcGroup.make(
  Rpc.make("orders.listAll", { payload: listPayload, success: Page(Order), error: InvalidCursor }).annotate(
    Audited,
    "nothing"
  ),
  Rpc.make("orders.show", { payload: byId, success: Order, error: OrderNotFound }).annotate(Audited, "nothing"),
  Rpc.make("orders.cancelAny", { payload: byId, success: Order, error: cancelError }).annotate(Audited, "order.cancel"),
  Rpc.make("orders.paymentIncidents", {
    payload: { limit: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 })) },
    success: Schema.Array(PaymentIncident)
  }).annotate(Audited, "nothing"),
  Rpc.make("orders.expiryRules", { success: Schema.Array(OrderExpiryRule) }).annotate(Audited, "nothing"),
  Rpc.make("orders.putExpiryRule", { payload: OrderExpiryRule }).annotate(Audited, "order_expiry_rule.put"),
  /** To whom and where it is delivered, which the other calls show masked. */
  Rpc.make("orders.unmask", {
    payload: { ...byId, reason: UnmaskReason },
    success: PostalAddress,
    error: OrderNotFound
  })
    .annotate(RequiredPermission, "personal-data:unmask")
    .annotate(Audited, "personal_data.unmask")
)
  .annotateRpcs(RequiredPermission, "orders:administer")
  .middleware(RpcAuthorization) {}
