import { Effect, Schema } from "effect"
import { Uuid7 } from "../kernel/Id.ts"
import { Page } from "../kernel/Page.ts"
import { NonBlankText, PlainText } from "../kernel/PlainText.ts"
import { Problem } from "../kernel/Problem.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { UserId } from "./CurrentUser.ts"
import { BuiltInRole, Permission, permissionsOf, Role } from "./Permission.ts"

export const PolicyChangeId = Uuid7.pipe(Schema.brand("PolicyChangeId"))
export type PolicyChangeId = typeof PolicyChangeId.Type

/** Names of permissions are short, and so is what matches them. */
const Pattern = NonBlankText(100)

/**
 * One rule of a role. `resource` and `action` are the two halves of a permission (`orders:fulfil`; `account` is
 * `account:use`), each matched as a whole: a glob knows `*` and `?`, a regex is RE2's, which has no look-around and no
 * back-references and so matches in linear time. A deny wins over every allow, of whatever role of the same user.
 */
export const PolicyRule = Schema.Struct({
  effect: Schema.Literals(["allow", "deny"]),
  kind: Schema.Literals(["glob", "regex"]).pipe(Schema.withDecodingDefaultKey(Effect.succeed("glob" as const))),
  resource: Pattern,
  action: Pattern
}).annotate({ identifier: "PolicyRule" })
export type PolicyRule = typeof PolicyRule.Type

/** A role holds its own rules and those of the roles that it inherits, which may inherit in turn but never in a circle. */
export const PolicyRole = Schema.Struct({
  name: Role,
  description: PlainText(200).pipe(Schema.withDecodingDefaultKey(Effect.succeed(""))),
  inherits: Schema.Array(Role)
    .check(Schema.isMaxLength(20))
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed([]))),
  rules: Schema.Array(PolicyRule).check(Schema.isMaxLength(200))
}).annotate({ identifier: "PolicyRole" })
export type PolicyRole = typeof PolicyRole.Type

/** How many rules a document may have; each is matched once when it comes into force, and no more. */
export const maxRules = 2_000

/**
 * The roles that operators made. A built-in role is as the program has it unless it is defined here, which replaces it.
 */
export const PolicyDocument = Schema.Struct({
  roles: Schema.Array(PolicyRole).check(
    Schema.isMaxLength(200),
    Schema.makeFilter(
      (roles: ReadonlyArray<PolicyRole>) =>
        roles.reduce((count, { rules }) => count + rules.length, 0) <= maxRules ||
        `must have ${maxRules} rules in all at most`
    )
  )
}).annotate({ identifier: "PolicyDocument" })
export type PolicyDocument = typeof PolicyDocument.Type

/** The document at one time, and who put it into force and why. Version 0 is the program's own: the built-in roles. */
export const PolicyVersion = Schema.Struct({
  version: Schema.Int,
  document: PolicyDocument,
  author: Schema.String,
  reason: Schema.String,
  /** The version whose document this is again, where it was rolled back to. */
  restores: Schema.NullOr(Schema.Int),
  traceId: Schema.NullOr(Schema.String),
  createdAt: Schema.NullOr(Schema.Date)
}).annotate({ identifier: "PolicyVersion" })
export type PolicyVersion = typeof PolicyVersion.Type
export const PolicyVersionPage = Page(PolicyVersion)

const Why = NonBlankText(500)
const Version = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2_147_483_647 }))

/** `version` is the one that the change was made from. */
export const PolicyChange = Schema.Struct({ version: Version, document: PolicyDocument, reason: Why }).annotate({
  identifier: "PolicyChange"
})
export type PolicyChange = typeof PolicyChange.Type

/** `version` is the one that counts now, `to` the one whose document is to count again. */
export const PolicyRollback = Schema.Struct({ version: Version, to: Version, reason: Why }).annotate({
  identifier: "PolicyRollback"
})
export type PolicyRollback = typeof PolicyRollback.Type

const ofRole = Schema.Struct({ role: Role, permission: Permission })

/** What another document would open and close, role by role, with what the roles inherit. */
export const PolicyDiff = Schema.Struct({
  version: Schema.Int,
  added: Schema.Array(Role),
  removed: Schema.Array(Role),
  opens: Schema.Array(ofRole),
  closes: Schema.Array(ofRole)
}).annotate({ identifier: "PolicyDiff" })
export type PolicyDiff = typeof PolicyDiff.Type

/** Whether a user may do something, for `merchantId` or, where that is null, for the whole mall. */
export const PolicyQuestion = Schema.Struct({
  userId: UserId,
  permission: Permission,
  merchantId: Schema.NullOr(MerchantId)
})
export type PolicyQuestion = typeof PolicyQuestion.Type

/** A rule that has to do with the answer: whose it is, and through which roles the user comes to it. */
export const PolicyReason = Schema.Struct({
  path: Schema.Array(Role),
  rule: PolicyRule,
  scope: Schema.Literals(["mall", "shop"])
}).annotate({ identifier: "PolicyReason" })
export type PolicyReason = typeof PolicyReason.Type

export const PolicyExplanation = Schema.Struct({
  version: Schema.Int,
  allowed: Schema.Boolean,
  /** The answer in a sentence. */
  because: Schema.String,
  roles: Schema.Array(Role),
  shopRoles: Schema.Array(Role),
  rules: Schema.Array(PolicyReason)
}).annotate({ identifier: "PolicyExplanation" })
export type PolicyExplanation = typeof PolicyExplanation.Type

/** Somebody with roles: all their names, and the shop within which `shopRoles` are held. */
export const RoleHolder = Schema.Struct({
  userId: UserId,
  email: Schema.NullOr(Schema.String),
  roles: Schema.Array(Role),
  shopRoles: Schema.Array(Role),
  merchantId: Schema.NullOr(MerchantId)
}).annotate({ identifier: "RoleHolder" })
export type RoleHolder = typeof RoleHolder.Type
export const RoleHolderPage = Page(RoleHolder)

const ruleOf = (permission: Permission): PolicyRule => {
  const [resource = "", action = "use"] = permission.split(":")
  return { effect: "allow", kind: "glob", resource, action }
}

const builtIn = (name: BuiltInRole, inherits: ReadonlyArray<BuiltInRole>, description: string): PolicyRole => {
  const inherited = new Set(inherits.flatMap((role) => permissionsOf[role]))
  return { name, description, inherits, rules: permissionsOf[name].filter((each) => !inherited.has(each)).map(ruleOf) }
}

/** The built-in roles, written as a policy would write them. */
export const builtInRoles: ReadonlyArray<PolicyRole> = [
  builtIn("customer", [], "What every account is"),
  builtIn("merchant", ["customer"], "Runs a shop, within which it is held"),
  builtIn("admin", ["merchant"], "Operates the mall")
]

/** Somebody changed the policy in the meantime; `version` is what counts now. */
export class PolicyChanged extends Problem<PolicyChanged>()("PolicyChanged", {
  status: 409,
  title: "The policy was changed in the meantime",
  fields: { version: Schema.Int },
  detail: ({ version }) => `Version ${version} counts now`
}) {}

/** The document has the right shape and makes no sense: a circle, an unknown role, a pattern that cannot be read. */
export class PolicyInvalid extends Problem<PolicyInvalid>()("PolicyInvalid", {
  status: 422,
  title: "This policy cannot be put into force",
  fields: { reason: Schema.String },
  detail: ({ reason }) => reason
}) {}

export class PolicyVersionNotFound extends Problem<PolicyVersionNotFound>()("PolicyVersionNotFound", {
  status: 404,
  title: "There is no such version of the policy",
  fields: { version: Schema.Int },
  detail: ({ version }) => `There is no version ${version}`
}) {}
