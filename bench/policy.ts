import type { Role } from "@mall/domain/identity/Permission"
import { heldPermissions } from "@mall/domain/identity/Permission"
import type { PolicyDocument } from "@mall/domain/identity/Policy"
import { compilePolicy } from "../packages/identity/src/policy/compilePolicy.ts"
import { newEnforcer, newModelFromString } from "casbin"
import { Effect } from "effect"

const roles = 100
const rulesPerRole = 10

const ruleOf = (index: number) => {
  const [resource = "", action = "use"] = (heldPermissions[index % 16] ?? "account").split(":")
  const isRegex = index % 2 === 0
  return {
    effect: index % 10 === 9 ? ("deny" as const) : ("allow" as const),
    kind: isRegex ? ("regex" as const) : ("glob" as const),
    resource: isRegex ? `(${resource}|r${index})` : `${resource.slice(0, 4)}*`,
    action: isRegex ? `${action}|a${index}` : action
  }
}

const nameOf = (index: number): Role => `role-${index}`

/** 1,000 rules, half globs and half regular expressions, a tenth of them denials; each role inherits one other. */
const document: PolicyDocument = {
  roles: Array.from({ length: roles }, (_, role) => ({
    name: nameOf(role),
    description: "",
    inherits: role === 0 ? [] : [nameOf(role - 1 - (role % 7 === 0 ? 0 : role % Math.min(role, 5)))],
    rules: Array.from({ length: rulesPerRole }, (_, rule) => ruleOf(role * rulesPerRole + rule))
  }))
}

const asked = heldPermissions

/** Decisions a second of one core: who has these three roles may do this. */
const decisions = (seconds: number, decide: (turn: number) => boolean) => {
  const end = performance.now() + seconds * 1000
  let turn = 0
  let allowed = 0
  while (performance.now() < end) {
    for (let i = 0; i < 64; i++, turn++) if (decide(turn)) allowed++
  }
  return { perSecond: turn / seconds, allowed: allowed / turn }
}

const casbinModel = `
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act, eft
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = g(r.sub, p.sub) && regexMatch(r.obj, p.obj) && regexMatch(r.act, p.act)
`

const regexOf = (kind: "glob" | "regex", pattern: string) =>
  `^(${kind === "glob" ? pattern.replaceAll("*", ".*") : pattern})$`

const openCasbin = async () => {
  const enforcer = await newEnforcer(newModelFromString(casbinModel))
  await enforcer.addPolicies(
    document.roles.flatMap(({ name, rules }) =>
      rules.map(({ action, effect, kind, resource }) => [name, regexOf(kind, resource), regexOf(kind, action), effect])
    )
  )
  await enforcer.addGroupingPolicies(
    document.roles.flatMap(({ inherits, name }) => inherits.map((parent) => [name, parent]))
  )
  for (let user = 0; user < roles; user++) await enforcer.addRoleForUser(`user-${user}`, nameOf(user))
  return enforcer
}

/** Ours beside casbin's, with the same rules. */
export const measurePolicy = async (seconds: number) => {
  const begin = performance.now()
  const policy = await Effect.runPromise(compilePolicy(1, document))
  const compileMillis = performance.now() - begin
  // a change repeats nearly all of the patterns, which are known then
  const beginAgain = performance.now()
  await Effect.runPromise(compilePolicy(2, document))
  const againMillis = performance.now() - beginAgain
  const holders = Array.from({ length: 1_000 }, (_, index) => ({
    roles: ["customer", nameOf(index % roles), nameOf((index * 7) % roles)],
    shopRoles: []
  }))
  const ours = (turn: number) => {
    const holder = holders[turn % holders.length]
    const permission = asked[turn % asked.length]
    return holder !== undefined && permission !== undefined && policy.authorityOf(holder).either.has(permission)
  }
  decisions(0.5, ours)
  const own = decisions(seconds, ours)
  const casbin = await openCasbin()
  const theirs = decisions(seconds, (turn) => {
    const [resource = "", action = "use"] = (asked[turn % asked.length] ?? "account").split(":")
    return casbin.enforceSync(`user-${turn % roles}`, resource, action)
  })
  return {
    compileMillis,
    againMillis,
    perSecond: own.perSecond,
    allowed: own.allowed,
    casbinPerSecond: theirs.perSecond
  }
}
