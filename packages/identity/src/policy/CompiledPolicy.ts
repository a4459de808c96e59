import { heldPermissions, shopPermissions } from "@mall/domain/identity/Permission"
import type { Permission, Role } from "@mall/domain/identity/Permission"
import type { PolicyRole, PolicyRule } from "@mall/domain/identity/Policy"

/** The roles of somebody: those for the whole mall, and those within the one shop whose staff they are. */
export interface Holder {
  readonly roles: ReadonlyArray<Role>
  readonly shopRoles: ReadonlyArray<Role>
}

/** What somebody may do: in the whole mall, within their shop, and in either. */
export interface Authority {
  readonly mall: ReadonlySet<Permission>
  readonly shop: ReadonlySet<Permission>
  readonly either: ReadonlySet<Permission>
}

/** A rule and the permissions that it speaks of. */
export interface CompiledRule {
  readonly rule: PolicyRule
  readonly permissions: ReadonlySet<Permission>
}

/** A role with all that it inherits. */
export interface CompiledRole {
  readonly role: PolicyRole
  readonly rules: ReadonlyArray<CompiledRule>
  /** The role itself and those it inherits, each with the way there. */
  readonly lineage: ReadonlyMap<Role, ReadonlyArray<Role>>
  readonly allows: ReadonlySet<Permission>
  readonly denies: ReadonlySet<Permission>
}

/** More distinct sets of roles than a mall has; a bound all the same, since roles are data. */
const maxAuthorities = 10_000

const union = <A>(sets: Iterable<Iterable<A>>) => {
  const all = new Set<A>()
  for (const set of sets) for (const each of set) all.add(each)
  return all
}

/** The roles as they are stored: `merchant` stands among those of the mall and is held within a shop. */
export const holderOf = (stored: Holder): Holder =>
  stored.roles.includes("merchant")
    ? {
        roles: stored.roles.filter((role) => role !== "merchant"),
        shopRoles: ["merchant", ...stored.shopRoles]
      }
    : stored

/** Stands between the roles for the mall and those within the shop; no role has such a name. */
const inShop = "|"

/** What sets of roles hold, found by going from role to role: no text is put together for it. */
class Known {
  authority: Authority | undefined = undefined
  readonly #after = new Map<Role, Known>()

  next(role: Role): Known {
    const there = this.#after.get(role)
    if (there !== undefined) return there
    const made = new Known()
    this.#after.set(role, made)
    return made
  }
}

/**
 * A policy ready for use. Patterns were matched against all the permissions there are when it was made, so that nothing
 * is matched at a request: what a set of roles holds is worked out once, and then looked up.
 */
export class CompiledPolicy {
  readonly version: number
  readonly roles: ReadonlyMap<Role, CompiledRole>
  #known = new Known()
  #size = 0

  constructor(version: number, roles: ReadonlyMap<Role, CompiledRole>) {
    this.version = version
    this.roles = roles
  }

  /** A role that the policy does not know holds nothing. */
  authorityOf(stored: Holder): Authority {
    let known = this.#known
    for (const role of stored.roles) known = known.next(role)
    known = known.next(inShop)
    for (const role of stored.shopRoles) known = known.next(role)
    if (known.authority !== undefined) return known.authority
    known.authority = this.#work(holderOf(stored))
    this.#size += 1
    if (this.#size >= maxAuthorities) {
      this.#known = new Known()
      this.#size = 0
    }
    return known.authority
  }

  /** All that the role speaks of within its scope: what one must hold to give it, or to take it away. */
  reachOf(role: Role, isWithinShop: boolean): ReadonlySet<Permission> {
    const compiled = this.roles.get(role)
    if (compiled === undefined) return new Set()
    const all = union([compiled.allows, compiled.denies])
    return isWithinShop ? all.intersection(shopPermissions) : all
  }

  #work({ roles, shopRoles }: Holder): Authority {
    const of = (names: ReadonlyArray<Role>) => names.flatMap((name) => this.roles.get(name) ?? [])
    const inMall = of(roles)
    const inShop = of(shopRoles)
    const mallDenies = union(inMall.map(({ denies }) => denies))
    const mall = union(inMall.map(({ allows }) => allows)).difference(mallDenies)
    const shop = union(inShop.map(({ allows }) => allows))
      .intersection(shopPermissions)
      .difference(mallDenies)
      .difference(union(inShop.map(({ denies }) => denies)))
    return { mall, shop, either: mall.union(shop).add("public") }
  }
}

/** All permissions that a policy can speak of, by the two halves that patterns are matched against. */
const subjects = new Map<string, Map<string, Permission>>()
for (const permission of heldPermissions) {
  const [resource = "", action = "use"] = permission.split(":")
  subjects.set(resource, (subjects.get(resource) ?? new Map<string, Permission>()).set(action, permission))
}

/** The permissions whose halves both fit. */
export const permissionsWhere = (isResource: (text: string) => boolean, isAction: (text: string) => boolean) => {
  const found = new Set<Permission>()
  for (const [resource, actions] of subjects) {
    if (!isResource(resource)) continue
    for (const [action, permission] of actions) if (isAction(action)) found.add(permission)
  }
  return found
}
