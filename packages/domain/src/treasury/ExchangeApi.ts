import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Authorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { Idempotent } from "../kernel/Operation.ts"
import { InvalidCursor, pageQuery } from "../kernel/Page.ts"
import { Audited } from "../operations/Audit.ts"
import { acceptErrors, FxQuoteNotFound, quoteErrors } from "./FxError.ts"
import { FxConversion, FxConversionPage, FxQuote, FxQuoteId, NewFxQuote } from "./FxQuote.ts"
import { FxRateInForce } from "./FxRate.ts"

const describe = (summary: string, description: string) => OpenApi.annotations({ summary, description })
const id = { id: FxQuoteId }

/** One currency for another, for the staff of a shop. */
export class ExchangeApiGroup extends HttpApiGroup.make("exchange")
  .add(
    HttpApiEndpoint.get("rates", "/rates", { success: Schema.Array(FxRateInForce) }).annotateMerge(
      describe(
        "List the rates",
        "Those in force, before the spread; of pairs over the euro the two that they are made of."
      )
    ),
    HttpApiEndpoint.get("quote", "/quotes/:id", { params: id, success: FxQuote, error: FxQuoteNotFound }).annotateMerge(
      describe("Read a quote", "With what became of it.")
    ),
    HttpApiEndpoint.get("conversions", "/conversions", {
      query: pageQuery,
      success: FxConversionPage,
      error: InvalidCursor
    }).annotateMerge(describe("List conversions", "Newest first; an admin sees those of all merchants."))
  )
  .annotateEndpoints(RequiredPermission, "fx:read")
  .add(
    HttpApiEndpoint.post("createQuote", "/quotes", { payload: NewFxQuote, success: FxQuote, error: quoteErrors })
      .annotate(Audited, "nothing")
      .middleware(Idempotent)
      .annotateMerge(
        describe("Ask for a quote", "Keeps the rate for a short time. Nothing moves before it is accepted.")
      )
      .annotate(RequiredPermission, "fx:convert"),
    HttpApiEndpoint.post("acceptQuote", "/quotes/:id/accept", {
      params: id,
      success: FxConversion,
      error: acceptErrors
    })
      .annotate(Audited, "fx_quote.accept")
      .middleware(Idempotent)
      .annotateMerge(describe("Accept a quote", "Moves the money, once: the same again answers with what was moved."))
      .annotate(RequiredPermission, "fx:convert")
  )
  .middleware(Authorization)
  .prefix("/api/v1/fx")
  .annotateMerge(OpenApi.annotations({ title: "Exchange", description: "One currency for another" })) {}
