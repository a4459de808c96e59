import { Permission, Role } from "@mall/domain/identity/Permission"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { compilePolicy } from "@mall/identity/policy/compilePolicy"
import type { CompiledPolicy } from "@mall/identity/policy/CompiledPolicy"
import { isAllowed } from "@mall/identity/policy/judgePolicy"
import { PolicyAdministration } from "@mall/identity/policy/PolicyAdministration"
import { Effect, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { json, print, table } from "./Output.ts"
import { readDocument, readJson } from "./jsonFiles.ts"
import * as IdentityServices from "./IdentityServices.ts"
import * as userReference from "./userReference.ts"

const common = { may: Schema.Boolean, permission: Permission, merchant: Schema.optionalKey(MerchantId) }

/** Of somebody who would have these roles, those of the shop within the `merchant` that is asked about. */
const OfRoles = Schema.Struct({
  ...common,
  roles: Schema.Array(Role),
  shopRoles: Schema.optionalKey(Schema.Array(Role))
})
/** Of an account as it is: an id or an email address. */
const OfUser = Schema.Struct({ ...common, user: Schema.String })

const Expectation = Schema.Union([OfRoles, OfUser])
type Expectation = typeof Expectation.Type
const Expectations = Schema.Struct({ expectations: Schema.Array(Expectation).check(Schema.isMinLength(1)) })

const Outcome = Schema.Struct({
  who: Schema.String,
  permission: Permission,
  merchant: Schema.NullOr(MerchantId),
  expected: Schema.Boolean,
  found: Schema.Boolean
})

class ExpectationsNotMet extends Schema.TaggedError<ExpectationsNotMet>()("ExpectationsNotMet", {
  failed: Schema.Int,
  all: Schema.Int
}) {
  override get message() {
    return `${this.failed} of ${this.all} expectations are not met`
  }
}

class NoSuchUser extends Schema.TaggedError<NoSuchUser>()("NoSuchUser", { user: Schema.String }) {
  override get message() {
    return `${this.user} is neither the id of a user nor an email address`
  }
}

/** Whom an expectation is about, with what they hold and where. */
const subjectOf = Effect.fnUntraced(function* (expectation: Expectation) {
  const merchantId = expectation.merchant ?? null
  if ("roles" in expectation) {
    const { roles, shopRoles = [] } = expectation
    const who = [...roles, ...shopRoles.map((role) => `${role} in the shop`)].join(", ")
    return { who, holder: { roles, shopRoles }, shopOfHolder: merchantId }
  }
  const reference = userReference.parse(expectation.user)
  if (Option.isNone(reference)) return yield* new NoSuchUser({ user: expectation.user })
  const { merchantId: shopOfHolder, roles, shopRoles } = yield* userReference.resolve(reference.value)
  return { who: expectation.user, holder: { roles, shopRoles }, shopOfHolder }
})

const judge = Effect.fnUntraced(function* (policy: CompiledPolicy, expectation: Expectation) {
  const { holder, shopOfHolder, who } = yield* subjectOf(expectation)
  const { may, merchant = null, permission } = expectation
  const found = isAllowed(policy, holder, { permission, merchantId: merchant, shopOfHolder })
  return { who, permission, merchant, expected: may, found }
})

const say = (may: boolean) => (may ? "may" : "may not")

export const test = Command.make(
  "test",
  {
    expectations: Argument.File("expectations", { mustExist: true }).pipe(
      Argument.withDescription(
        'JSON: {"expectations": [{"roles": ["support"], "may": true, "permission": "orders:fulfil"}]}; "user" in place of "roles" asks about an account, "merchant" about a shop'
      )
    ),
    policy: Flag.File("policy", { mustExist: true }).pipe(
      Flag.withDescription("The document to judge by; the one that counts now when not given"),
      Flag.optional
    ),
    json
  },
  Effect.fnUntraced(function* ({ expectations, json, policy }) {
    const administration = yield* PolicyAdministration
    const { expectations: wanted } = yield* readJson(expectations, Expectations)
    const document = yield* Option.match(policy, {
      onNone: () => Effect.map(administration.current, ({ document }) => document),
      onSome: readDocument
    })
    const compiled = yield* compilePolicy(0, document)
    const outcomes = yield* Effect.forEach(wanted, (each) => judge(compiled, each))
    yield* print(
      outcomes,
      { json, schema: Schema.Array(Outcome) },
      table(
        {
          "": ({ expected, found }) => (expected === found ? "ok" : "FAILED"),
          who: ({ who }) => who,
          expected: ({ expected }) => say(expected),
          permission: ({ permission }) => permission,
          merchant: ({ merchant }) => merchant,
          found: ({ found }) => say(found)
        },
        outcomes,
        ""
      )
    )
    const failed = outcomes.filter(({ expected, found }) => expected !== found).length
    if (failed > 0) return yield* new ExpectationsNotMet({ failed, all: outcomes.length })
  })
).pipe(
  Command.withDescription(
    "Check who may do what by a policy, before it is put into force; ends with 1 where it is not as expected"
  ),
  Command.withExamples([{ command: "mall policy test expectations.json --policy policy.json" }]),
  Command.provide(IdentityServices.layer)
)
