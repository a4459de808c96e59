import { assert, describe, it } from "@effect/vitest"
import { heldPermissions, permissionsOf, shopPermissions } from "@mall/domain/identity/Permission"
import type { Role } from "@mall/domain/identity/Permission"
import type { PolicyDocument, PolicyRule } from "@mall/domain/identity/Policy"
import { Effect, Result, Schema } from "effect"
import { compilePolicy, idleRule } from "../../src/policy/compilePolicy.ts"
import { diffOf, explain, isAllowed, openings } from "../../src/policy/judgePolicy.ts"
import { matcherOf } from "../../src/policy/patterns.ts"

const rule = (effect: PolicyRule["effect"], pattern: string, kind: PolicyRule["kind"] = "glob"): PolicyRule => {
  const [resource = "", action = "use"] = pattern.split(":")
  return { effect, kind, resource, action }
}
const role = (name: Role, rules: ReadonlyArray<PolicyRule>, inherits: ReadonlyArray<Role> = []) => ({
  name,
  description: "",
  inherits,
  rules
})
const compile = (...roles: PolicyDocument["roles"]) => compilePolicy(1, { roles })
const refusal = (...roles: PolicyDocument["roles"]) =>
  Effect.map(Effect.flip(compile(...roles)), ({ reason }) => reason)
const inMall = (...roles: ReadonlyArray<Role>) => ({ roles, shopRoles: [] })

describe("compilePolicy", () => {
  it.effect("gives the built-in roles what they hold by default", () =>
    Effect.gen(function* () {
      const policy = yield* compile()
      assert.sameMembers([...policy.authorityOf(inMall("customer", "admin")).mall], [...permissionsOf.admin])
      const merchant = policy.authorityOf(inMall("customer", "merchant"))
      assert.deepStrictEqual([...merchant.mall], permissionsOf.customer)
      assert.deepStrictEqual(merchant.shop, shopPermissions)
      assert.isTrue(policy.authorityOf(inMall()).either.has("public"))
    })
  )

  it.effect("matches globs and regular expressions against the whole of each half", () =>
    Effect.gen(function* () {
      const policy = yield* compile(
        role("a", [rule("allow", "order?:fulf*")]),
        role("b", [rule("allow", "(orders|stock):(fulfil|write)", "regex")]),
        role("c", [rule("allow", "rder:fulfil", "regex")])
      )
      assert.deepStrictEqual([...policy.authorityOf(inMall("a")).mall], ["orders:fulfil"])
      assert.sameMembers([...policy.authorityOf(inMall("b")).mall], ["orders:fulfil", "stock:write"])
      assert.strictEqual(policy.authorityOf(inMall("c")).mall.size, 0)
      assert.include(idleRule(policy) ?? "", "role c matches no permission")
    })
  )

  it.effect("lets a deny win over every allow, inherited and of other roles", () =>
    Effect.gen(function* () {
      const policy = yield* compile(
        role("clerk", [rule("allow", "orders:*")]),
        role("trainee", [rule("deny", "orders:administer")], ["clerk"]),
        role("suspended", [rule("deny", "*:*")])
      )
      assert.deepStrictEqual([...policy.authorityOf(inMall("trainee")).mall], ["orders:read", "orders:fulfil"])
      assert.deepStrictEqual([...policy.authorityOf(inMall("trainee", "clerk")).mall], ["orders:read", "orders:fulfil"])
      assert.strictEqual(policy.authorityOf(inMall("admin", "suspended")).mall.size, 0)
    })
  )

  it.effect("opens within a shop only what concerns a shop, and a deny there stays there", () =>
    Effect.gen(function* () {
      const policy = yield* compile(
        role("everything", [rule("allow", "*:*")]),
        role("no-stock", [rule("deny", "stock:*")])
      )
      const { mall, shop } = policy.authorityOf({ roles: ["customer"], shopRoles: ["everything"] })
      assert.deepStrictEqual([[...mall], shop], [permissionsOf.customer, shopPermissions])
      const denied = policy.authorityOf({ roles: ["admin"], shopRoles: ["no-stock", "everything"] })
      assert.isTrue(denied.mall.has("stock:write"))
      assert.isFalse(denied.shop.has("stock:write"))
    })
  )

  it.effect("refuses circles, roles that are not there, doubles and patterns that it cannot read", () =>
    Effect.gen(function* () {
      assert.include(
        yield* refusal(role("a", [], ["b"]), role("b", [], ["c"]), role("c", [], ["b"])),
        "inherits itself"
      )
      assert.include(yield* refusal(role("a", [], ["a"])), "a → a")
      assert.include(yield* refusal(role("customer", [], ["merchant"])), "inherits itself")
      assert.include(yield* refusal(role("a", [], ["nobody"])), "which is not there")
      assert.include(yield* refusal(role("a", []), role("a", [])), "defined twice")
      for (const pattern of ["(", "(?=a)b", "\\1", "a{1001}", "(?<!x)y", "[z-a]", "(a{100}){100}"]) {
        assert.include(yield* refusal(role("a", [{ ...rule("allow", "*:*", "regex"), resource: pattern }])), "pattern")
      }
      assert.include(yield* refusal(role("a", [rule("allow", "\\pL{900}:use", "regex")])), "too large")
    })
  )

  it.effect("has no name that is taken for something else", () =>
    Effect.gen(function* () {
      const policy = yield* compile(role("constructor", []), role("proto", [], ["constructor"]))
      for (const name of ["constructor", "proto", "unknown"]) {
        assert.strictEqual(policy.authorityOf(inMall(name)).mall.size, 0)
      }
    })
  )
})

const catastrophic = [
  ...["(a+)+", "(a|a)*", "(a|aa)+", "(.*a){20}", "(a*)*b", "([a-z]+)*!", "(x+x+)+y", "^(([a-z])+.)+[A-Z]([a-z])+$"],
  ...["(a?){30}a{30}", "(.|.|.|.)*x", "((a*)*)*c", "(?:a|a?)+b"]
]

/** Characters that are looked at in `String.prototype` while `work` runs: a backtracking engine written here looks again and again. */
const looksOf = (text: string, work: () => void) => {
  const { codePointAt, charCodeAt } = String.prototype
  let looks = 0
  const count = <A extends (this: string, index: number) => unknown>(original: A) =>
    function (this: string, index: number) {
      if (this.length === text.length) looks += 1
      return original.call(this, index)
    }
  Object.assign(String.prototype, { codePointAt: count(codePointAt), charCodeAt: count(charCodeAt) })
  try {
    work()
  } finally {
    Object.assign(String.prototype, { codePointAt, charCodeAt })
  }
  return looks
}

describe("patterns", () => {
  it("look at a text as often as it is long, whatever the pattern", () => {
    for (const pattern of catastrophic) {
      const matcher = Result.getOrThrow(matcherOf("regex", pattern))
      const looks = (length: number) => {
        const text = `${"a".repeat(length)}!`
        return looksOf(text, () => matcher(text))
      }
      looks(500)
      const [once, twice] = [looks(1_000), looks(2_000)]
      assert.isAbove(twice, 0, `${pattern} was not looked at`)
      // a backtracking engine needs 2^1000 steps for the first of them
      assert.isAtMost(twice, once * 2 + 200, pattern)
      assert.isAtMost(twice, 2_000 * 60, pattern)
    }
  })

  it("of globs with many stars take steps as the text is long, not as it can be divided", () => {
    const glob = "*a*a*a*a*a*a*a*a*a*a*b"
    const matcher = Result.getOrThrow(matcherOf("glob", glob))
    const steps = (length: number) => {
      let reads = 0
      const text = new Proxy(Object("a".repeat(length)), {
        get: (target, property) => {
          reads += 1
          return Reflect.get(target, property)
        }
      })
      assert.isFalse(matcher(text))
      return reads
    }
    assert.isAtMost(steps(2_000), steps(1_000) * 2 + 200)
    assert.isAtMost(steps(2_000), 2_000 * glob.length * 2)
  })

  it("take in a glob everything but * and ? as it is", () => {
    const is = (glob: string, text: string) => Result.getOrThrow(matcherOf("glob", glob))(text)
    assert.isTrue(is("a.b*", "a.bc"))
    assert.isFalse(is("a.b*", "axbc"))
    assert.isTrue(is("(+[\\?", "(+[\\x"))
    assert.isFalse(is("abc", "abcd"))
    assert.isFalse(is("a?c", "ac"))
  })
})

describe("judgePolicy", () => {
  it.effect("explains by which rule, through which roles", () =>
    Effect.gen(function* () {
      const policy = yield* compile(
        role("clerk", [rule("allow", "orders:*")]),
        role("senior", [], ["clerk"]),
        role("barred", [rule("deny", "orders:f*")])
      )
      const ask = (roles: ReadonlyArray<Role>) =>
        explain(policy, inMall(...roles), { permission: "orders:fulfil", merchantId: null, shopOfHolder: null })
      assert.deepInclude(ask(["senior"]), { allowed: true, because: "Allowed by senior → clerk: allow orders × *" })
      assert.deepInclude(ask(["senior", "barred"]), { allowed: false, because: "Denied by barred: deny orders × f*" })
      assert.deepInclude(ask(["customer"]), { allowed: false, because: "No rule allows it" })
    })
  )

  it.effect("tells what a change opens, also by denying less, and what it closes", () =>
    Effect.gen(function* () {
      const before = yield* compile(
        role("clerk", [rule("allow", "orders:*"), rule("deny", "orders:administer")]),
        role("gone", [rule("deny", "stock:*")])
      )
      const after = yield* compile(role("clerk", [rule("allow", "orders:administer")]), role("fresh", []))
      const { added, closes, opens, removed } = diffOf(before, after)
      assert.deepStrictEqual([added, removed], [["fresh"], ["gone"]])
      assert.deepStrictEqual(opens, [
        { role: "clerk", permission: "orders:administer" },
        { role: "gone", permission: "stock:write" }
      ])
      assert.deepStrictEqual(closes, [
        { role: "clerk", permission: "orders:read" },
        { role: "clerk", permission: "orders:fulfil" }
      ])
      assert.sameMembers([...openings(before, after)], ["orders:administer", "stock:write"])
    })
  )

  const Rules = Schema.Array(
    Schema.Struct({
      effect: Schema.Literals(["allow", "deny"]),
      pattern: Schema.Literals(["*:*", "orders:*", "*:administer", "stock:write", "catalog:*", "account:use"])
    })
  ).check(Schema.isMaxLength(4))
  /** Bits say which of the earlier roles each role inherits: no circles. */
  const Document = Schema.Struct({
    rules: Schema.Tuple([Rules, Rules, Rules, Rules]),
    edges: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 63 }))
  })
  const Held = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 15 }))
  const names = ["r0", "r1", "r2", "r3"]

  const documentOf = ({ edges, rules }: typeof Document.Type): PolicyDocument => ({
    roles: names.map((name, index) =>
      role(
        name,
        (rules[index] ?? []).map(({ effect, pattern }) => rule(effect, pattern)),
        names.slice(0, index).filter((_, parent) => (edges & (1 << ((index * (index - 1)) / 2 + parent))) !== 0)
      )
    )
  })
  const rolesOf = (held: number) => names.filter((_, index) => (held & (1 << index)) !== 0)

  it.effect.prop(
    "never lets anybody do more by a change than it says it opens, whatever roles they have together",
    { first: Document, second: Document, held: Held },
    Effect.fnUntraced(function* ({ first, held, second }) {
      const before = yield* compilePolicy(1, documentOf(first))
      const after = yield* compilePolicy(2, documentOf(second))
      const holder = inMall(...rolesOf(held))
      const gained = new Set(after.authorityOf(holder).mall).difference(new Set(before.authorityOf(holder).mall))
      assert.isTrue(gained.isSubsetOf(openings(before, after)))
    })
  )

  it.effect.prop(
    "agrees with a plain reading of the rules",
    { input: Document, held: Held },
    Effect.fnUntraced(function* ({ held, input }) {
      const document = documentOf(input)
      const policy = yield* compilePolicy(1, document)
      const find = (name: string) => document.roles.find((each) => each.name === name)
      const lineage = (name: string): ReadonlyArray<string> => [name, ...(find(name)?.inherits ?? []).flatMap(lineage)]
      const all = rolesOf(held)
        .flatMap(lineage)
        .flatMap((name) => find(name)?.rules ?? [])
      const fits = (pattern: string, text: string) => pattern === "*" || pattern === text
      for (const permission of heldPermissions) {
        const [resource = "", action = "use"] = permission.split(":")
        const fitting = all.filter((each) => fits(each.resource, resource) && fits(each.action, action))
        const expected =
          fitting.some(({ effect }) => effect === "allow") && !fitting.some(({ effect }) => effect === "deny")
        const question = { permission, merchantId: null, shopOfHolder: null }
        assert.strictEqual(isAllowed(policy, inMall(...rolesOf(held)), question), expected)
      }
    })
  )
})
