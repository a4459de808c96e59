import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Idempotent, OneTimeAnswer } from "../kernel/Operation.ts"
import { InvalidCursor, Page, pageQuery } from "../kernel/Page.ts"
import { NoMerchant } from "../payments/Branding.ts"
import { ApiKey, ApiKeyId, ApiKeyRevocation, ApiKeyRotation, IssuedApiKey, NewApiKey } from "./ApiKey.ts"
import { Authorization } from "./Authorization.ts"
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

const describe = (title: string, description: string) => OpenApi.annotations({ title, description })

const params = { id: ApiKeyId }

/** The keys with which a merchant's servers call. Managed by people only: no key may be given `merchants:keys`. */
export class ApiKeysApiGroup extends HttpApiGroup.make("apiKeys")
  .add(
    HttpApiEndpoint.get("list", "/", {
      query: pageQuery,
      success: Page(ApiKey),
      error: [InvalidCursor, NoMerchant]
    }).annotateMerge(
      describe("List API keys", "Newest first, also those that have ended. Secrets are never shown again.")
    ),
    HttpApiEndpoint.post("create", "/", {
      payload: NewApiKey,
      success: IssuedApiKey.pipe(HttpApiSchema.status(201)),
      error: [ApiKeyExpiryPast, ApiKeyLimitReached, ApiKeyShownBefore, NoMerchant, ScopeNotHeld]
    })
      .annotate(Audited, "api_key.create")
      .middleware(Idempotent)
      .annotate(OneTimeAnswer, true)
      .annotateMerge(
        describe(
          "Make an API key",
          "The answer shows the key once. A repeated request makes no second key and does not show it again: 409."
        )
      ),
    HttpApiEndpoint.post("rotate", "/:id/rotate", {
      params,
      payload: ApiKeyRotation,
      success: IssuedApiKey,
      error: [ApiKeyEnded, ApiKeyLimitReached, ApiKeyNotFound, ApiKeyShownBefore, NoMerchant, ScopeNotHeld]
    })
      .annotate(Audited, "api_key.rotate")
      .middleware(Idempotent)
      .annotate(OneTimeAnswer, true)
      .annotateMerge(
        describe(
          "Rotate an API key",
          "A new secret under the same id; the former ones are taken for `overlapSeconds` more. The answer shows it once."
        )
      ),
    HttpApiEndpoint.post("revoke", "/:id/revoke", {
      params,
      payload: ApiKeyRevocation,
      success: ApiKey,
      error: [ApiKeyNotFound, NoMerchant]
    })
      .annotate(Audited, "api_key.revoke")
      .middleware(Idempotent)
      .annotateMerge(describe("Revoke an API key", "It is refused by every server at once, for ever."))
  )
  .prefix("/api/v1/merchants/me/api-keys")
  .annotateEndpoints(RequiredPermission, "merchants:keys")
  .middleware(Authorization)
  .annotateMerge(describe("API keys", "The keys with which a merchant's servers call")) {}
