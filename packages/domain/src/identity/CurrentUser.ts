import { Context, Schema } from "effect"
import type { Option } from "effect"
import { Uuid7 } from "../kernel/Id.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { Role } from "./Permission.ts"

export const UserId = Uuid7.pipe(Schema.brand("UserId"), Schema.annotate({ identifier: "UserId" }))
export type UserId = typeof UserId.Type

export const SessionId = Uuid7.pipe(Schema.brand("SessionId"), Schema.annotate({ identifier: "SessionId" }))
export type SessionId = typeof SessionId.Type

/** What a verified access token says of its bearer. `merchantId` is the shop whose staff the user is. */
export class Principal extends Schema.Class<Principal>("Principal")({
  userId: UserId,
  sessionId: SessionId,
  roles: Schema.Array(Role),
  merchantId: Schema.Option(MerchantId),
  expiresAt: Schema.Date
}) {}

/** Who calls, where signing in is required. */
export class CurrentUser extends Context.Service<CurrentUser, Principal>()("@mall/domain/identity/CurrentUser") {}

/** Who calls, where a guest may: none without a token; a bad token is refused all the same. */
export class CurrentVisitor extends Context.Service<CurrentVisitor, Option.Option<Principal>>()(
  "@mall/domain/identity/CurrentVisitor"
) {}
