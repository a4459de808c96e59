import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Authorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { Idempotent } from "../kernel/Operation.ts"
import { InvalidCursor, Page, pageQuery } from "../kernel/Page.ts"
import { Audited } from "../operations/Audit.ts"
import { returnErrors, returnRequestErrors } from "./operationErrors.ts"
import { OrderId } from "./Order.ts"
import { NewReturn, Receipt, Rejection, Return, ReturnId, ReturnNotFound, ReturnStatus } from "./Return.ts"
import { OrderNotFound } from "./TradeError.ts"

const ofOrder = { id: OrderId }
const ofReturn = { id: OrderId, returnId: ReturnId }
const query = { ...pageQuery, status: Schema.optionalKey(ReturnStatus) }

const describe = (summary: string, description: string) => OpenApi.annotations({ summary, description })

/** Sending goods back. Every step answers with the return after it. */
export class ReturnsApiGroup extends HttpApiGroup.make("returns")
  .add(
    HttpApiEndpoint.post("request", "/orders/:id/returns", {
      params: ofOrder,
      payload: NewReturn,
      success: Return.pipe(HttpApiSchema.status(201)),
      error: returnRequestErrors
    })
      .middleware(Idempotent)
      .annotate(RequiredPermission, "account")
      .annotateMerge(
        describe(
          "Ask to send something back",
          "By the buyer, some days after delivery at the latest (`RETURNS_WINDOW`)."
        )
      ),
    HttpApiEndpoint.get("list", "/orders/:id/returns", {
      params: ofOrder,
      query: pageQuery,
      success: Page(Return),
      error: [OrderNotFound, InvalidCursor]
    })
      .annotate(RequiredPermission, "orders:read")
      .annotateMerge(describe("List the returns of an order", "Newest first.")),
    HttpApiEndpoint.get("get", "/orders/:id/returns/:returnId", {
      params: ofReturn,
      success: Return,
      error: ReturnNotFound
    })
      .annotate(RequiredPermission, "orders:read")
      .annotateMerge(describe("Read a return", "For the buyer, the staff of the merchant, and admins.")),
    HttpApiEndpoint.get("listSold", "/merchant/returns", { query, success: Page(Return), error: InvalidCursor })
      .annotate(RequiredPermission, "orders:fulfil")
      .annotateMerge(
        describe("List the returns of one's shop", "Newest first; `status=requested` is what has to be decided.")
      ),
    HttpApiEndpoint.post("cancel", "/orders/:id/returns/:returnId/cancel", {
      params: ofReturn,
      success: Return,
      error: returnErrors
    })
      .middleware(Idempotent)
      .annotate(RequiredPermission, "account")
      .annotateMerge(describe("Keep the goods after all", "By the buyer, before they were received.")),
    HttpApiEndpoint.post("approve", "/orders/:id/returns/:returnId/approve", {
      params: ofReturn,
      success: Return,
      error: returnErrors
    })
      .middleware(Idempotent)
      .annotate(RequiredPermission, "orders:fulfil")
      .annotate(Audited, "return.approve")
      .annotateMerge(describe("Agree to a return", "By the staff of the merchant: the buyer may send the goods.")),
    HttpApiEndpoint.post("reject", "/orders/:id/returns/:returnId/reject", {
      params: ofReturn,
      payload: Rejection,
      success: Return,
      error: returnErrors
    })
      .middleware(Idempotent)
      .annotate(RequiredPermission, "orders:fulfil")
      .annotate(Audited, "return.reject")
      .annotateMerge(describe("Refuse a return", "By the staff of the merchant, with a reason that the buyer reads.")),
    HttpApiEndpoint.post("receive", "/orders/:id/returns/:returnId/receive", {
      params: ofReturn,
      payload: Receipt,
      success: Return,
      error: returnErrors
    })
      .middleware(Idempotent)
      .annotate(RequiredPermission, "orders:fulfil")
      .annotate(Audited, "return.receive")
      .annotateMerge(
        describe("Report that the goods came back", "Puts them into stock where asked for, and refunds them.")
      ),
    HttpApiEndpoint.post("refundAgain", "/orders/:id/returns/:returnId/refund", {
      params: ofReturn,
      success: Return,
      error: returnErrors
    })
      .middleware(Idempotent)
      .annotate(RequiredPermission, "orders:fulfil")
      .annotate(Audited, "return.refund_again")
      .annotateMerge(describe("Ask for the refund again", "Where the last one was not carried out (`refundFailure`)."))
  )
  .middleware(Authorization)
  .prefix("/api/v1")
  .annotateMerge(OpenApi.annotations({ title: "Returns", description: "What is sent back, and the money for it" })) {}
