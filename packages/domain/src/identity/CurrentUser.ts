import { Context, Effect, Schema } from "effect"
import type { Option } from "effect"
import { Uuid7 } from "../kernel/Id.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { Role } from "./Permission.ts"

export const UserId = Uuid7.pipe(Schema.brand("UserId"), Schema.annotate({ identifier: "UserId" }))
export type UserId = typeof UserId.Type

export const SessionId = Uuid7.pipe(Schema.brand("SessionId"), Schema.annotate({ identifier: "SessionId" }))
export type SessionId = typeof SessionId.Type

/**
 * Who calls: a person, as their access token says, or a merchant's server, as its API key says. `merchantId` is the shop whose
 * staff the user, or whose server the machine is. A key acts under an id of its own: it stands where a user's would, in histories,
 * limits and idempotency, and owns what no user owns. `actor` tells which of the two it is.
 */
export class Principal extends Schema.Class<Principal>("Principal")({
  userId: UserId,
  sessionId: SessionId,
  roles: Schema.Array(Role),
  merchantId: Schema.Option(MerchantId),
  expiresAt: Schema.Date,
  actor: Schema.Literals(["user", "api_key"]).pipe(Schema.withConstructorDefault(Effect.succeed("user" as const)))
}) {
  /** What histories say of who did it: `user:<id>` or `api_key:<id>`. */
  get actorName() {
    return `${this.actor}:${this.userId}`
  }
}

/** Who calls, where signing in is required. */
export class CurrentUser extends Context.Service<CurrentUser, Principal>()("@mall/domain/identity/CurrentUser") {}

/** Who calls, where a guest may: none without a token; a bad token is refused all the same. */
export class CurrentVisitor extends Context.Service<CurrentVisitor, Option.Option<Principal>>()(
  "@mall/domain/identity/CurrentVisitor"
) {}
