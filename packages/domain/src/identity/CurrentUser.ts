import { Context, Effect, Option, Schema } from "effect"
import { Uuid7 } from "../kernel/Id.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { isGranted, Permission, Role, shopPermissions } from "./Permission.ts"

export const UserId = Uuid7.pipe(Schema.brand("UserId"), Schema.annotate({ identifier: "UserId" }))
export type UserId = typeof UserId.Type

export const SessionId = Uuid7.pipe(Schema.brand("SessionId"), Schema.annotate({ identifier: "SessionId" }))
export type SessionId = typeof SessionId.Type

/** What somebody may do: in the whole mall, and in the shop whose staff they are. */
const Held = Schema.Struct({ mall: Schema.Array(Permission), shop: Schema.Array(Permission) })

/**
 * Who calls: a person, as their access token says, or a merchant's server, as its API key says. `merchantId` is the shop whose
 * staff the user, or whose server the machine is. A key acts under an id of its own: it stands where a user's would, in histories,
 * limits and idempotency, and owns what no user owns. `actor` tells which of the two it is. `held` is what the policy in force
 * makes of a person's roles, and the scopes of a key; a principal without it holds what the built-in roles do by default.
 */
export class Principal extends Schema.Class<Principal>("Principal")({
  userId: UserId,
  sessionId: SessionId,
  roles: Schema.Array(Role),
  merchantId: Schema.Option(MerchantId),
  expiresAt: Schema.Date,
  held: Schema.optionalKey(Held),
  actor: Schema.Literals(["user", "api_key"]).pipe(Schema.withConstructorDefault(Effect.succeed("user" as const)))
}) {
  /** What histories say of who did it: `user:<id>` or `api_key:<id>`. */
  get actorName() {
    return `${this.actor}:${this.userId}`
  }
}

/** Whether the user may do this for every shop, and not only for the one whose staff they are. */
export const mayEverywhere = ({ held, roles }: Principal, permission: Permission) =>
  held === undefined
    ? isGranted(
        roles.filter((role) => role !== "merchant"),
        permission
      )
    : held.mall.includes(permission)

/** The shop whose staff the user is, where they may do one of these things for it. */
export const shopOf = (principal: Principal, ...permissions: ReadonlyArray<Permission>) =>
  Option.filter(principal.merchantId, () =>
    permissions.some(
      (permission) =>
        (shopPermissions.has(permission) && mayEverywhere(principal, permission)) ||
        (principal.held === undefined
          ? principal.roles.includes("merchant") && shopPermissions.has(permission)
          : principal.held.shop.includes(permission))
    )
  )

/** Who calls, where signing in is required. */
export class CurrentUser extends Context.Service<CurrentUser, Principal>()("@mall/domain/identity/CurrentUser") {}

/** Who calls, where a guest may: none without a token; a bad token is refused all the same. */
export class CurrentVisitor extends Context.Service<CurrentVisitor, Option.Option<Principal>>()(
  "@mall/domain/identity/CurrentVisitor"
) {}
