import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { RequiredPermission } from "../identity/Permission.ts"
import { PlainText } from "../kernel/PlainText.ts"
import { RateLimit } from "../kernel/RateLimit.ts"
import type { RateLimitPolicy } from "../kernel/RateLimit.ts"
import { TicketedStatus } from "./Payment.ts"
import { TicketInvalid } from "./PaymentError.ts"
import { looks as polls } from "./PaymentsApi.ts"

/** A page is looked at by a person; who guesses tickets looks more often. */
const looks: RateLimitPolicy = {
  name: "cashier",
  by: "ip",
  algorithm: "token-bucket",
  limit: 60,
  window: "1 minute"
}

/** Texts that the page itself judges: whoever comes is answered with a page. */
const params = { ticket: PlainText(200) }
const AnyWord = Schema.optionalKey(PlainText(20))
const query = { lang: AnyWord, choose: AnyWord, said: AnyWord }

/**
 * The page where a buyer pays, in HTML. The ticket in its address is all that it takes, is spent by each look and handed on. A cookie
 * of these paths alone knows the browser again whose answer, and the ticket in it, was lost.
 */
export class CashierApiGroup extends HttpApiGroup.make("cashier")
  .add(
    HttpApiEndpoint.get("show", "/pay/:ticket", { params, query, success: Schema.Unknown })
      .annotate(RequiredPermission, "public")
      .annotate(RateLimit, looks)
      .annotateMerge(
        OpenApi.annotations({
          title: "Show the page where a payment is paid",
          description:
            "HTML in Chinese or English, by `lang` or `Accept-Language`. A ticket that is not good is a page with status 401."
        })
      ),
    HttpApiEndpoint.post("start", "/pay/:ticket", { params, query, success: Schema.Unknown })
      .annotate(RequiredPermission, "public")
      .annotate(RateLimit, looks)
      .annotateMerge(
        OpenApi.annotations({
          title: "Start to pay from that page",
          description: "A form with `channel` and `method`; answers with the way back to the page (303)."
        })
      ),
    HttpApiEndpoint.get("status", "/pay/:ticket/status", { params, success: TicketedStatus, error: TicketInvalid })
      .annotate(RequiredPermission, "public")
      .annotate(RateLimit, polls)
      .annotateMerge(
        OpenApi.annotations({
          title: "Look at a payment from that page",
          description: "Each good answer carries the next ticket; the one shown is spent."
        })
      )
  )
  .annotateMerge(OpenApi.annotations({ title: "Cashier", description: "The page where a buyer pays" })) {}
