import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { PostalAddress } from "../identity/AddressBook.ts"
import { Authorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { Idempotent } from "../kernel/Operation.ts"
import { InvalidCursor, Page, pageQuery } from "../kernel/Page.ts"
import { Audited } from "../operations/Audit.ts"
import { cancelErrors, stepErrors } from "./operationErrors.ts"
import { Order, OrderId, OrderStatus, Remark, Shipment } from "./Order.ts"
import { OrderNotFound } from "./TradeError.ts"

const params = { id: OrderId }

export const OrderEdit = Schema.Struct({
  address: Schema.optionalKey(PostalAddress),
  remark: Schema.optionalKey(Remark)
}).annotate({ identifier: "OrderEdit" })

export const orderQuery = { ...pageQuery, status: Schema.optionalKey(OrderStatus) }

const describe = (summary: string, description: string) => OpenApi.annotations({ summary, description })

/** Orders: looked at by those who have to do with them, moved on by buyer and merchant. Every step answers with the order after it. */
export class OrdersApiGroup extends HttpApiGroup.make("orders")
  .add(
    HttpApiEndpoint.get("list", "/orders", { query: orderQuery, success: Page(Order), error: InvalidCursor })
      .annotate(RequiredPermission, "account")
      .annotateMerge(describe("List one's own orders", "Newest first, with lines, history and payment.")),
    HttpApiEndpoint.get("listSold", "/merchant/orders", {
      query: orderQuery,
      success: Page(Order),
      error: InvalidCursor
    })
      .annotate(RequiredPermission, "orders:fulfil")
      .annotateMerge(
        describe("List the orders of one's shop", "Newest first; `status=paid` is what has to be shipped.")
      ),
    HttpApiEndpoint.get("get", "/orders/:id", { params, success: Order, error: OrderNotFound })
      .annotate(RequiredPermission, "orders:read")
      .annotateMerge(describe("Read an order", "For its buyer, the staff of its merchant, and admins.")),
    HttpApiEndpoint.patch("edit", "/orders/:id", { params, payload: OrderEdit, success: Order, error: stepErrors })
      .annotate(RequiredPermission, "account")
      .annotateMerge(describe("Change the address or the remark", "By the buyer, before the order is shipped.")),
    HttpApiEndpoint.post("cancel", "/orders/:id/cancel", { params, success: Order, error: cancelErrors })
      .middleware(Idempotent)
      .annotate(RequiredPermission, "account")
      .annotate(Audited, "order.cancel")
      .annotateMerge(
        describe(
          "Cancel an order",
          "An unpaid one is canceled, with the other orders of its checkout, which share its payment. A paid one that is not shipped is refunded. 409 where the payment went through in the meantime, 503 where the payment channel gives no clear answer."
        )
      ),
    HttpApiEndpoint.post("ship", "/orders/:id/ship", { params, payload: Shipment, success: Order, error: stepErrors })
      .middleware(Idempotent)
      .annotate(RequiredPermission, "orders:fulfil")
      .annotate(Audited, "order.ship")
      .annotateMerge(describe("Ship a paid order", "By the staff of its merchant.")),
    HttpApiEndpoint.post("deliver", "/orders/:id/deliver", { params, success: Order, error: stepErrors })
      .middleware(Idempotent)
      .annotate(RequiredPermission, "orders:fulfil")
      .annotate(Audited, "order.deliver")
      .annotateMerge(describe("Report that a shipped order was delivered", "By the staff of its merchant.")),
    HttpApiEndpoint.post("confirmReceipt", "/orders/:id/confirm-receipt", { params, success: Order, error: stepErrors })
      .middleware(Idempotent)
      .annotate(RequiredPermission, "account")
      .annotateMerge(
        describe(
          "Confirm that the goods came",
          "By the buyer: completes a delivered order, and one that was only shipped so far. It completes by itself some days after delivery."
        )
      )
  )
  .middleware(Authorization)
  .prefix("/api/v1")
  .annotateMerge(OpenApi.annotations({ title: "Orders", description: "What was bought, and where it is" })) {}
