import { Permission } from "@mall/domain/identity/Permission"
import type { Role } from "@mall/domain/identity/Permission"
import type { PolicyDiff, PolicyExplanation, PolicyReason } from "@mall/domain/identity/Policy"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { holderOf } from "./CompiledPolicy.ts"
import type { CompiledPolicy, CompiledRole, Holder } from "./CompiledPolicy.ts"

const none: ReadonlySet<Permission> = new Set()
const allowsOf = (role: CompiledRole | undefined) => role?.allows ?? none
const deniesOf = (role: CompiledRole | undefined) => role?.denies ?? none

/** Of two policies the permissions that a role has more under the second: what it allows more, and what it denies less. */
const openedBy = (before: CompiledRole | undefined, after: CompiledRole | undefined) =>
  allowsOf(after)
    .difference(allowsOf(before))
    .union(deniesOf(before).difference(deniesOf(after)))

const namesOf = (before: CompiledPolicy, after: CompiledPolicy) =>
  new Set([...before.roles.keys(), ...after.roles.keys()])

/** All that somebody might be able to do more, whatever roles they have together. */
export const openings = (before: CompiledPolicy, after: CompiledPolicy): ReadonlySet<Permission> =>
  new Set([...namesOf(before, after)].flatMap((name) => [...openedBy(before.roles.get(name), after.roles.get(name))]))

const effective = (role: CompiledRole | undefined) => allowsOf(role).difference(deniesOf(role))

/** What a change opens and closes to those who have the one role; a deny also counts against what their others allow. */
export const diffOf = (before: CompiledPolicy, after: CompiledPolicy): PolicyDiff => {
  const names = [...namesOf(before, after)].sort()
  const each = (change: (name: Role) => ReadonlySet<Permission>) =>
    names.flatMap((role) => {
      const changed = change(role)
      return Permission.literals.filter((one) => changed.has(one)).map((permission) => ({ role, permission }))
    })
  const closedBy = (name: Role) => {
    const [was, is] = [before.roles.get(name), after.roles.get(name)]
    const denied = deniesOf(is).difference(deniesOf(was))
    return effective(was).difference(effective(is)).union(denied)
  }
  return {
    version: before.version,
    added: names.filter((name) => !before.roles.has(name)),
    removed: names.filter((name) => !after.roles.has(name)),
    opens: each((name) => openedBy(before.roles.get(name), after.roles.get(name))),
    closes: each(closedBy)
  }
}

interface Question {
  readonly permission: Permission
  /** Where it is to be done: for one shop, or everywhere. */
  readonly merchantId: MerchantId | null
  /** The shop within which the holder has their shop roles. */
  readonly shopOfHolder: MerchantId | null
}

const reasonsOf = (policy: CompiledPolicy, names: ReadonlyArray<Role>, scope: PolicyReason["scope"], one: Permission) =>
  names.flatMap((name) =>
    [...(policy.roles.get(name)?.lineage ?? [])].flatMap(([ancestor, path]) =>
      (policy.roles.get(ancestor)?.rules ?? [])
        .filter(({ permissions }) => permissions.has(one))
        .map(({ rule }): PolicyReason => ({ path, rule, scope }))
    )
  )

/** Whether somebody with these roles may, where. */
export const isAllowed = (policy: CompiledPolicy, holder: Holder, question: Question): boolean => {
  const { merchantId, permission, shopOfHolder } = question
  const { mall, shop } = policy.authorityOf(holder)
  if (permission === "public" || mall.has(permission)) return true
  return merchantId !== null && merchantId === shopOfHolder && shop.has(permission)
}

/** The same with the rules that made it so. */
export const explain = (policy: CompiledPolicy, stored: Holder, question: Question): PolicyExplanation => {
  const { merchantId, permission, shopOfHolder } = question
  const { roles, shopRoles } = holderOf(stored)
  const allowed = isAllowed(policy, stored, question)
  const isStaff = merchantId !== null && merchantId === shopOfHolder
  const rules = [
    ...reasonsOf(policy, roles, "mall", permission),
    ...(isStaff ? reasonsOf(policy, shopRoles, "shop", permission) : [])
  ]
  const deny = rules.find(({ rule }) => rule.effect === "deny")
  const allow = rules.find(({ rule }) => rule.effect === "allow")
  const by = (reason: PolicyReason | undefined) =>
    reason === undefined
      ? ""
      : `${reason.path.join(" → ")}: ${reason.rule.effect} ${reason.rule.resource} × ${reason.rule.action}`
  const because = allowed
    ? permission === "public"
      ? "Anybody may"
      : `Allowed by ${by(allow)}`
    : allow === undefined
      ? "No rule allows it"
      : deny === undefined
        ? "It is about the whole mall, and the role is held within a shop"
        : `Denied by ${by(deny)}`
  return { version: policy.version, allowed, because, roles, shopRoles, rules }
}
