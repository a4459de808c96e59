import type { Permission, Role } from "@mall/domain/identity/Permission"
import { builtInRoles, PolicyInvalid } from "@mall/domain/identity/Policy"
import type { PolicyDocument, PolicyRole, PolicyRule } from "@mall/domain/identity/Policy"
import { Effect, Result } from "effect"
import { CompiledPolicy, permissionsWhere } from "./CompiledPolicy.ts"
import type { CompiledRole, CompiledRule } from "./CompiledPolicy.ts"
import { matcherOf } from "./patterns.ts"

/** After so many rules other work gets its turn, so that a large document holds nobody up. */
const rulesPerTurn = 8

/** How a rule is spoken of: what strangers wrote is not repeated to them. */
const ordinal = (index: number) => `rule number ${index + 1}`

const invalid = (reason: string) => new PolicyInvalid({ reason })

/** The roles of the document, and the built-in ones that it does not define. */
export const rolesOf = ({ roles }: PolicyDocument): ReadonlyArray<PolicyRole> => {
  const defined = new Set(roles.map(({ name }) => name))
  return [...builtInRoles.filter(({ name }) => !defined.has(name)), ...roles]
}

/** Rules whose permissions are known: a change repeats nearly all rules of the document that it changes. */
const knownRules = new Map<string, Result.Result<ReadonlySet<Permission>, string>>()
const maxKnownRules = 4_096

const permissionsOfRule = ({ action, kind, resource }: PolicyRule) => {
  const key = [kind, resource, action].join("\0")
  const known = knownRules.get(key)
  if (known !== undefined) return known
  const found = Result.gen(function* () {
    return permissionsWhere(yield* matcherOf(kind, resource), yield* matcherOf(kind, action))
  })
  if (knownRules.size >= maxKnownRules) knownRules.clear()
  knownRules.set(key, found)
  return found
}

const compileRules = Effect.fnUntraced(function* (roles: ReadonlyArray<PolicyRole>) {
  const compiled = new Map<Role, ReadonlyArray<CompiledRule>>()
  let count = 0
  for (const { name, rules } of roles) {
    if (compiled.has(name)) return yield* invalid(`The role ${name} is defined twice`)
    const ready: Array<CompiledRule> = []
    for (const [index, rule] of rules.entries()) {
      count += 1
      if (count % rulesPerTurn === 0) yield* Effect.yieldNow
      const result = permissionsOfRule(rule)
      if (Result.isFailure(result)) {
        return yield* invalid(`A pattern of the ${ordinal(index)} of the role ${name} ${result.failure}`)
      }
      ready.push({ rule, permissions: result.success })
    }
    compiled.set(name, ready)
  }
  return compiled
})

/** Each role's own name and those it inherits, the nearest way to each; fails at a circle and at a role that is not there. */
const lineageOf = (
  name: Role,
  roles: ReadonlyMap<Role, PolicyRole>
): Result.Result<ReadonlyMap<Role, ReadonlyArray<Role>>, string> => {
  const lineage = new Map<Role, ReadonlyArray<Role>>([[name, [name]]])
  // a Map may grow while it is walked: what is added is visited in its turn
  for (const [each, path] of lineage) {
    for (const parent of roles.get(each)?.inherits ?? []) {
      if (!roles.has(parent)) return Result.fail(`The role ${each} inherits ${parent}, which is not there`)
      if (parent === name) return Result.fail(`The role ${name} inherits itself: ${[...path, name].join(" → ")}`)
      if (!lineage.has(parent)) lineage.set(parent, [...path, parent])
    }
  }
  return Result.succeed(lineage)
}

const permissionsOf = (rules: ReadonlyArray<CompiledRule>, effect: PolicyRule["effect"]) =>
  new Set<Permission>(rules.flatMap(({ permissions, rule }) => (rule.effect === effect ? [...permissions] : [])))

/** Makes a document ready for use, or says in a sentence why it cannot be. Patterns are data of strangers: see `patterns.ts`. */
export const compilePolicy = Effect.fn("compilePolicy")(function* (version: number, document: PolicyDocument) {
  const roles = rolesOf(document)
  const byName = new Map(roles.map((role) => [role.name, role]))
  const rules = yield* compileRules(roles)
  const compiled = new Map<Role, CompiledRole>()
  for (const role of roles) {
    yield* Effect.yieldNow
    const lineage = lineageOf(role.name, byName)
    if (Result.isFailure(lineage)) return yield* invalid(lineage.failure)
    const all = [...lineage.success.keys()].flatMap((name) => rules.get(name) ?? [])
    compiled.set(role.name, {
      role,
      rules: rules.get(role.name) ?? [],
      lineage: lineage.success,
      allows: permissionsOf(all, "allow"),
      denies: permissionsOf(all, "deny")
    })
  }
  return new CompiledPolicy(version, compiled)
})

/** What is well-formed and yet surely a mistake: a rule that speaks of nothing. */
export const idleRule = (policy: CompiledPolicy): string | undefined => {
  for (const { role, rules } of policy.roles.values()) {
    const idle = rules.findIndex(({ permissions }) => permissions.size === 0)
    if (idle >= 0) return `The ${ordinal(idle)} of the role ${role.name} matches no permission`
  }
  return undefined
}
