import { Permission, shopPermissions } from "@mall/domain/identity/Permission"
import type { Role } from "@mall/domain/identity/Permission"
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

/**
 * A policy ready for use. Patterns were matched against all the permissions there are when it was made, so that nothing
 * is matched at a request: what a set of roles holds is worked out once, and then looked up.
 */
export class CompiledPolicy {
  readonly version: number
  readonly roles: ReadonlyMap<Role, CompiledRole>
  readonly #authorities = new Map<string, Authority>()

  constructor(version: number, roles: ReadonlyMap<Role, CompiledRole>) {
    this.version = version
    this.roles = roles
  }

  /** A role that the policy does not know holds nothing. */
  authorityOf(stored: Holder): Authority {
    const key = `${stored.roles.join()}|${stored.shopRoles.join()}`
    const before = this.#authorities.get(key)
    if (before !== undefined) return before
    const authority = this.#work(holderOf(stored))
    if (this.#authorities.size >= maxAuthorities) this.#authorities.clear()
    this.#authorities.set(key, authority)
    return authority
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

/** All permissions that a policy can speak of, with the two halves that patterns are matched against. */
export const subjects: ReadonlyArray<{
  readonly permission: Permission
  readonly resource: string
  readonly action: string
}> = Permission.literals
  .filter((permission) => permission !== "public")
  .map((permission) => {
    const [resource = "", action = "use"] = permission.split(":")
    return { permission, resource, action }
  })
