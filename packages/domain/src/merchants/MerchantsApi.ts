import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Schema } from "effect"
import { Authorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { RequiredStepUp, StepUp } from "../identity/StepUp.ts"
import { Idempotent } from "../kernel/Operation.ts"
import { InvalidCursor, pageQuery } from "../kernel/Page.ts"
import { Audited } from "../operations/Audit.ts"
import { MerchantApplication, NewRecheck, Ruling } from "./Application.ts"
import { MerchantId } from "./Merchant.ts"
import { ApplicationOpen, MerchantNotFound, ShopCodeTaken, ShopNameInPast, ShopNotFound } from "./MerchantError.ts"
import { MerchantDetails, MerchantPage, MerchantProfile } from "./MerchantProfile.ts"
import { NewShop, Shop, ShopChange, ShopEdit, ShopId, ShopPage } from "./Shop.ts"

const describe = (summary: string, description: string) => OpenApi.annotations({ summary, description })
const ofMerchant = { id: MerchantId }
const ofShop = { id: ShopId }
const created = HttpApiSchema.status(201)

/** What may go wrong, over HTTP and RPC alike. */
export const recheckErrors = [MerchantNotFound, ApplicationOpen] as const
export const newShopErrors = [MerchantNotFound, ShopCodeTaken] as const
export const shopEditErrors = [ShopNotFound, ShopNameInPast] as const

const standing = { params: ofMerchant, payload: Ruling, success: MerchantProfile, error: MerchantNotFound }

/** Every merchant, for operators. */
export class MerchantsApiGroup extends HttpApiGroup.make("merchants")
  .add(
    HttpApiEndpoint.get("list", "/", { query: pageQuery, success: MerchantPage, error: InvalidCursor })
      .annotate(RequiredPermission, "merchants:read")
      .annotateMerge(describe("List merchants", "Newest first.")),
    HttpApiEndpoint.get("show", "/:id", { params: ofMerchant, success: MerchantDetails, error: MerchantNotFound })
      .annotate(RequiredPermission, "merchants:read")
      .annotateMerge(describe("Read a merchant", "With what became of them: who, when and why.")),
    HttpApiEndpoint.post("suspend", "/:id/suspend", standing)
      .middleware(Idempotent)
      .annotate(RequiredStepUp, "recent")
      .middleware(StepUp)
      .annotate(Audited, "merchant.suspend")
      .annotate(RequiredPermission, "merchants:administer")
      .annotateMerge(describe("Suspend a merchant", "New payments are refused at once, on every server.")),
    HttpApiEndpoint.post("resume", "/:id/resume", standing)
      .middleware(Idempotent)
      .annotate(RequiredStepUp, "recent")
      .middleware(StepUp)
      .annotate(Audited, "merchant.resume")
      .annotate(RequiredPermission, "merchants:administer")
      .annotateMerge(describe("Resume a merchant", "They stand as what is known of them says."))
  )
  .middleware(Authorization)
  .prefix("/api/v1/merchants")
  .annotateMerge(OpenApi.annotations({ title: "Merchants", description: "Who sells, and whether they may" })) {}

/** The merchant whose staff the caller is. */
export class MerchantProfileApiGroup extends HttpApiGroup.make("merchantProfile")
  .add(
    HttpApiEndpoint.get("show", "/", { success: MerchantDetails, error: MerchantNotFound }).annotateMerge(
      describe("Read your merchant", "Its standing, until when it is known, and its history.")
    ),
    HttpApiEndpoint.post("recheck", "/rechecks", {
      payload: NewRecheck,
      success: MerchantApplication.pipe(created),
      error: recheckErrors
    })
      .middleware(Idempotent)
      .annotate(Audited, "merchant.recheck")
      .annotateMerge(
        describe("Ask to be checked again", "Makes a draft, to which documents are added as to an application.")
      ),
    HttpApiEndpoint.get("shops", "/shops", {
      query: pageQuery,
      success: ShopPage,
      error: InvalidCursor
    }).annotateMerge(describe("List your shops", "Newest first, under the names that count now.")),
    HttpApiEndpoint.post("createShop", "/shops", {
      payload: NewShop,
      success: Shop.pipe(created),
      error: newShopErrors
    })
      .middleware(Idempotent)
      .annotate(Audited, "shop.create")
      .annotateMerge(describe("Open a shop", "Its code cannot be changed.")),
    HttpApiEndpoint.patch("editShop", "/shops/:id", {
      params: ofShop,
      payload: ShopEdit,
      success: Shop,
      error: shopEditErrors
    })
      .annotate(Audited, "shop.edit")
      .annotateMerge(
        describe("Rename, close or open a shop", "From now on, or from `effectiveFrom` on; never before.")
      ),
    HttpApiEndpoint.get("shopHistory", "/shops/:id/history", {
      params: ofShop,
      success: Schema.Array(ShopChange),
      error: ShopNotFound
    }).annotateMerge(describe("Read a shop's history", "What it was, and will be, called; the newest first."))
  )
  .annotateEndpoints(RequiredPermission, "merchants:profile")
  .middleware(Authorization)
  .prefix("/api/v1/merchants/me")
  .annotateMerge(OpenApi.annotations({ title: "Your merchant", description: "Standing, checks and shops" })) {}
