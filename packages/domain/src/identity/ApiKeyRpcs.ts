import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { Uuid7 } from "../kernel/Id.ts"
import { InvalidCursor, Page, pageRequest } from "../kernel/Page.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { NoMerchant } from "../payments/Branding.ts"
import { ApiKey, ApiKeyId, ApiKeyRevocation, ApiKeyRotation, IssuedApiKey, NewApiKey } from "./ApiKey.ts"
import { RpcAuthorization } from "./Authorization.ts"
import {
  ApiKeyEnded,
  ApiKeyExpiryPast,
  ApiKeyLimitReached,
  ApiKeyNotFound,
  ApiKeyShownBefore,
  ScopeNotHeld
} from "./MachineError.ts"
import { RequiredPermission } from "./Permission.ts"
import { Audited } from "../operations/Audit.ts"

const byId = { id: ApiKeyId }
const createErrors = [ApiKeyExpiryPast, ApiKeyLimitReached, ApiKeyShownBefore, ScopeNotHeld] as const
const rotateErrors = [ApiKeyEnded, ApiKeyLimitReached, ApiKeyNotFound, ApiKeyShownBefore, ScopeNotHeld] as const

/** `rotationId` comes from the client, so that a repeated call rotates once. */
const rotation = { ...byId, rotationId: Uuid7, ...ApiKeyRotation.fields }

/** The keys of the caller's merchant. The id of a new one comes from the client, so that a repeated call makes no second. */
export class ApiKeyMerchantRpcs extends RpcGroup.make(
  Rpc.make("apiKeys.list", {
    payload: pageRequest,
    success: Page(ApiKey),
    error: Schema.Union([InvalidCursor, NoMerchant])
  }),
  Rpc.make("apiKeys.create", {
    payload: { ...byId, apiKey: NewApiKey },
    success: IssuedApiKey,
    error: Schema.Union([...createErrors, NoMerchant])
  }).annotate(Audited, "api_key.create"),
  Rpc.make("apiKeys.rotate", {
    payload: rotation,
    success: IssuedApiKey,
    error: Schema.Union([...rotateErrors, NoMerchant])
  }).annotate(Audited, "api_key.rotate"),
  Rpc.make("apiKeys.revoke", {
    payload: { ...byId, ...ApiKeyRevocation.fields },
    success: ApiKey,
    error: Schema.Union([ApiKeyNotFound, NoMerchant])
  }).annotate(Audited, "api_key.revoke")
)
  .annotateRpcs(RequiredPermission, "merchants:keys")
  .annotateRpcs(Audited, "nothing")
  .middleware(RpcAuthorization) {}

const ofMerchant = { merchantId: MerchantId }

/** The same for every merchant. */
export class ApiKeyAdminRpcs extends RpcGroup.make(
  Rpc.make("admin.apiKeys.list", {
    payload: { ...ofMerchant, ...pageRequest },
    success: Page(ApiKey),
    error: InvalidCursor
  }),
  Rpc.make("admin.apiKeys.create", {
    payload: { ...ofMerchant, ...byId, apiKey: NewApiKey },
    success: IssuedApiKey,
    error: Schema.Union(createErrors)
  }).annotate(Audited, "api_key.create"),
  Rpc.make("admin.apiKeys.rotate", {
    payload: { ...ofMerchant, ...rotation },
    success: IssuedApiKey,
    error: Schema.Union(rotateErrors)
  }).annotate(Audited, "api_key.rotate"),
  Rpc.make("admin.apiKeys.revoke", {
    payload: { ...ofMerchant, ...byId, ...ApiKeyRevocation.fields },
    success: ApiKey,
    error: ApiKeyNotFound
  }).annotate(Audited, "api_key.revoke")
)
  .annotateRpcs(RequiredPermission, "merchants:administer")
  .annotateRpcs(Audited, "nothing")
  .middleware(RpcAuthorization) {}
