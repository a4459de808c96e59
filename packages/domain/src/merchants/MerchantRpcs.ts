import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { RpcAuthorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { RequiredStepUp, RpcStepUp } from "../identity/StepUp.ts"
import { InvalidCursor, pageRequest } from "../kernel/Page.ts"
import { Audited } from "../operations/Audit.ts"
import {
  ApplicationDetails,
  ApplicationId,
  ApplicationPage,
  ApplicationStatus,
  MerchantApplication,
  MerchantContact,
  NewApplication,
  NewRecheck,
  ReviewRecommendation,
  Ruling
} from "./Application.ts"
import { Document, NewDocument } from "./Document.ts"
import { MerchantId } from "./Merchant.ts"
import { ApplicationNotFound, MerchantNotFound } from "./MerchantError.ts"
import { MerchantDetails, MerchantPage, MerchantProfile } from "./MerchantProfile.ts"
import { newShopErrors, recheckErrors, shopEditErrors } from "./MerchantsApi.ts"
import {
  applyErrors,
  approveErrors,
  editErrors,
  recommendErrors,
  reviewErrors,
  submitErrors,
  uploadErrors
} from "./OnboardingApi.ts"
import { NewShop, Shop, ShopEdit, ShopId, ShopPage } from "./Shop.ts"

const ofApplication = { id: ApplicationId }
const ofMerchant = { id: MerchantId }
const ruling = { ...ofApplication, ...Ruling.fields }
const standing = {
  payload: { ...ofMerchant, ...Ruling.fields },
  success: MerchantProfile,
  error: MerchantNotFound
}

/** What somebody does who wants to sell. `id` is made by the caller, so that a repeated call is the same one. */
export class MerchantApplicationRpcs extends RpcGroup.make(
  Rpc.make("applications.apply", {
    payload: { ...ofApplication, application: NewApplication },
    success: MerchantApplication,
    error: Schema.Union(applyErrors)
  }),
  Rpc.make("applications.list", { payload: pageRequest, success: ApplicationPage, error: InvalidCursor }),
  Rpc.make("applications.show", { payload: ofApplication, success: ApplicationDetails, error: ApplicationNotFound }),
  Rpc.make("applications.edit", {
    payload: { ...ofApplication, application: NewApplication },
    success: MerchantApplication,
    error: Schema.Union(editErrors)
  }),
  Rpc.make("applications.submit", {
    payload: ofApplication,
    success: MerchantApplication,
    error: Schema.Union(submitErrors)
  }),
  Rpc.make("applications.addDocument", {
    payload: { ...ofApplication, document: NewDocument },
    success: Document,
    error: Schema.Union(uploadErrors)
  })
)
  .annotateRpcs(RequiredPermission, "account")
  .middleware(RpcAuthorization) {}

/** What the staff of a merchant do with it. */
export class MerchantProfileRpcs extends RpcGroup.make(
  Rpc.make("merchant.show", { success: MerchantDetails, error: MerchantNotFound }).annotate(Audited, "nothing"),
  Rpc.make("merchant.recheck", {
    payload: { ...ofApplication, recheck: NewRecheck },
    success: MerchantApplication,
    error: Schema.Union(recheckErrors)
  }).annotate(Audited, "merchant.recheck"),
  Rpc.make("merchant.shops.list", { payload: pageRequest, success: ShopPage, error: InvalidCursor }).annotate(
    Audited,
    "nothing"
  ),
  Rpc.make("merchant.shops.create", {
    payload: { id: ShopId, ...NewShop.fields },
    success: Shop,
    error: Schema.Union(newShopErrors)
  }).annotate(Audited, "shop.create"),
  Rpc.make("merchant.shops.edit", {
    payload: { id: ShopId, ...ShopEdit.fields },
    success: Shop,
    error: Schema.Union(shopEditErrors)
  }).annotate(Audited, "shop.edit")
)
  .annotateRpcs(RequiredPermission, "merchants:profile")
  .middleware(RpcAuthorization) {}

/** What operators do: who may sell, and whether they still may. The same services as the HTTP API serve it. */
export class MerchantAdminRpcs extends RpcGroup.make(
  Rpc.make("admin.merchants.list", { payload: pageRequest, success: MerchantPage, error: InvalidCursor })
    .annotate(Audited, "nothing")
    .annotate(RequiredPermission, "merchants:read"),
  Rpc.make("admin.merchants.show", { payload: ofMerchant, success: MerchantDetails, error: MerchantNotFound })
    .annotate(Audited, "nothing")
    .annotate(RequiredPermission, "merchants:read"),
  Rpc.make("admin.merchants.suspend", standing)
    .annotate(RequiredStepUp, "recent")
    .middleware(RpcStepUp)
    .annotate(Audited, "merchant.suspend")
    .annotate(RequiredPermission, "merchants:administer"),
  Rpc.make("admin.merchants.resume", standing)
    .annotate(RequiredStepUp, "recent")
    .middleware(RpcStepUp)
    .annotate(Audited, "merchant.resume")
    .annotate(RequiredPermission, "merchants:administer"),
  Rpc.make("admin.applications.list", {
    payload: { ...pageRequest, status: Schema.optionalKey(ApplicationStatus) },
    success: ApplicationPage,
    error: InvalidCursor
  })
    .annotate(Audited, "nothing")
    .annotate(RequiredPermission, "merchants:review"),
  Rpc.make("admin.applications.show", {
    payload: ofApplication,
    success: ApplicationDetails,
    error: ApplicationNotFound
  })
    .annotate(Audited, "nothing")
    .annotate(RequiredPermission, "merchants:review"),
  Rpc.make("admin.applications.recommend", {
    payload: { ...ofApplication, ...ReviewRecommendation.fields },
    success: MerchantApplication,
    error: Schema.Union(recommendErrors)
  })
    .annotate(Audited, "merchant_application.recommend")
    .annotate(RequiredPermission, "merchants:review"),
  Rpc.make("admin.applications.requestChanges", {
    payload: ruling,
    success: MerchantApplication,
    error: Schema.Union(reviewErrors)
  })
    .annotate(Audited, "merchant_application.request_changes")
    .annotate(RequiredPermission, "merchants:review"),
  Rpc.make("admin.applications.approve", {
    payload: ruling,
    success: MerchantApplication,
    error: Schema.Union(approveErrors)
  })
    .annotate(RequiredStepUp, "recent")
    .middleware(RpcStepUp)
    .annotate(Audited, "merchant_application.approve")
    .annotate(RequiredPermission, "merchants:review"),
  Rpc.make("admin.applications.reject", {
    payload: ruling,
    success: MerchantApplication,
    error: Schema.Union(reviewErrors)
  })
    .annotate(Audited, "merchant_application.reject")
    .annotate(RequiredPermission, "merchants:review"),
  Rpc.make("admin.applications.contact", {
    payload: ruling,
    success: MerchantContact,
    error: ApplicationNotFound
  })
    .annotate(Audited, "personal_data.unmask")
    .annotate(RequiredPermission, "personal-data:unmask")
).middleware(RpcAuthorization) {}
