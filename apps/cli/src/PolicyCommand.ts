import { Permission } from "@mall/domain/identity/Permission"
import {
  PolicyChangeId,
  PolicyDiff,
  PolicyDocument,
  PolicyExplanation,
  PolicyVersion,
  PolicyVersionPage,
  RoleHolderPage
} from "@mall/domain/identity/Policy"
import { generator } from "@mall/domain/kernel/Id"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { rolesOf } from "@mall/identity/policy/compilePolicy"
import { PolicyAdministration } from "@mall/identity/policy/PolicyAdministration"
import { Console, Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { anonymous } from "./PolicyAnonymousCommand.ts"
import * as IdentityServices from "./IdentityServices.ts"
import { confirm, yes } from "./Confirm.ts"
import { given, page, reason } from "./flags.ts"
import { operator } from "./Operator.ts"
import { fields, json, print, printPage, section, table } from "./Output.ts"
import { readDocument } from "./jsonFiles.ts"
import { test } from "./PolicyTestCommand.ts"
import * as userReference from "./userReference.ts"

const newChangeId = generator(PolicyChangeId)

const permission = Argument.Literals("permission", Permission.literals).pipe(
  Argument.withDescription("What is to be done, such as orders:fulfil")
)
const merchant = Flag.String("merchant").pipe(
  Flag.withSchema(MerchantId),
  Flag.withDescription("For this shop; for the whole mall when not given"),
  Flag.optional
)
const file = Argument.File("file", { mustExist: true }).pipe(
  Argument.withDescription("JSON as `mall policy show --json` prints it under `document`")
)

const patternsOf = (document: PolicyDocument) =>
  rolesOf(document).flatMap(({ inherits, name, rules }) => [
    ...(inherits.length === 0 ? [] : [{ name, effect: "inherits", kind: "", what: inherits.join(", ") }]),
    ...rules.map(({ action, effect, kind, resource }) => ({ name, effect, kind, what: `${resource} × ${action}` }))
  ])

const show = Command.make(
  "show",
  {
    version: Flag.Int("version").pipe(
      Flag.withDescription("A former version; the one that counts when not given"),
      Flag.optional
    ),
    json
  },
  Effect.fnUntraced(function* ({ json, version }) {
    const policy = yield* PolicyAdministration
    const shown = yield* Option.match(version, { onNone: () => policy.current, onSome: policy.find })
    yield* print(
      shown,
      { json, schema: PolicyVersion },
      Effect.gen(function* () {
        const { author, createdAt, reason, version } = shown
        yield* fields({ version, author, reason, created: createdAt })
        yield* section(
          "Roles",
          {
            role: ({ name }) => name,
            effect: ({ effect }) => effect,
            kind: ({ kind }) => kind,
            what: ({ what }) => what
          },
          patternsOf(shown.document)
        )
      })
    )
  })
).pipe(
  Command.withDescription("Show the roles and their rules, the built-in ones with them"),
  Command.withExamples([{ command: "mall policy show --version 3 --json", description: "As it was, for a program" }]),
  Command.provide(IdentityServices.layer)
)

const versions = Command.make(
  "versions",
  { ...page, json },
  Effect.fnUntraced(function* ({ after, json, limit }) {
    const policy = yield* PolicyAdministration
    yield* printPage(yield* policy.versions({ limit, ...given({ after }) }), {
      json,
      schema: PolicyVersionPage,
      columns: {
        version: ({ version }) => version,
        created: ({ createdAt }) => createdAt,
        author: ({ author }) => author,
        restores: ({ restores }) => restores,
        roles: ({ document }) => document.roles.length,
        reason: ({ reason }) => reason
      },
      empty: "The policy was never changed: the built-in roles count."
    })
  })
).pipe(
  Command.withDescription("List the versions of the policy, newest first: who changed it and why"),
  Command.withExamples([{ command: "mall policy versions" }]),
  Command.provide(IdentityServices.layer)
)

const whoCan = Command.make(
  "who-can",
  { permission, merchant, ...page, json },
  Effect.fnUntraced(function* ({ after, json, limit, merchant, permission }) {
    const policy = yield* PolicyAdministration
    const holders = yield* policy.whoCan({ permission, limit, ...given({ after, merchantId: merchant }) })
    yield* printPage(holders, {
      json,
      schema: RoleHolderPage,
      columns: {
        user: ({ userId }) => userId,
        email: ({ email }) => email,
        roles: ({ roles }) => roles.join(", "),
        merchant: ({ merchantId }) => merchantId,
        "roles in the shop": ({ shopRoles }) => shopRoles.join(", ")
      },
      empty: "Nobody can."
    })
  })
).pipe(
  Command.withDescription("List who can do something, in the whole mall or for a shop"),
  Command.withExamples([
    { command: "mall policy who-can users:administer" },
    { command: "mall policy who-can payments:refund --merchant 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77" }
  ]),
  Command.provide(IdentityServices.layer)
)

const explain = Command.make(
  "explain",
  {
    user: Argument.String("user").pipe(
      Argument.withDescription("The id or the email address of the user"),
      Argument.filterMap(userReference.parse, userReference.expectation)
    ),
    permission,
    merchant,
    json
  },
  Effect.fnUntraced(function* ({ json, merchant, permission, user }) {
    const policy = yield* PolicyAdministration
    const { id } = yield* userReference.resolve(user)
    const explained = yield* policy.explain({ userId: id, permission, merchantId: Option.getOrNull(merchant) })
    yield* print(
      explained,
      { json, schema: PolicyExplanation },
      Effect.gen(function* () {
        yield* fields({
          allowed: explained.allowed ? "yes" : "no",
          because: explained.because,
          roles: explained.roles.join(", "),
          "roles in the shop": explained.shopRoles.join(", ")
        })
        yield* section(
          "Rules that speak of it",
          {
            by: ({ path }) => path.join(" → "),
            scope: ({ scope }) => scope,
            effect: ({ rule }) => rule.effect,
            kind: ({ rule }) => rule.kind,
            what: ({ rule }) => `${rule.resource} × ${rule.action}`
          },
          explained.rules
        )
      })
    )
  })
).pipe(
  Command.withDescription("Say whether a user can do something, and which rules make it so"),
  Command.withExamples([{ command: "mall policy explain ann@example.com orders:fulfil" }]),
  Command.provide(IdentityServices.layer)
)

const printDiff = ({ added, closes, opens, removed }: PolicyDiff) =>
  Effect.gen(function* () {
    if (added.length > 0) yield* Console.log(`New roles: ${added.join(", ")}`)
    if (removed.length > 0) yield* Console.log(`Roles that go: ${removed.join(", ")}`)
    const changes = [
      ...opens.map((each) => ({ what: "opens", ...each })),
      ...closes.map((each) => ({ what: "closes", ...each }))
    ]
    yield* table(
      { what: ({ what }) => what, permission: ({ permission }) => permission, "to role": ({ role }) => role },
      changes,
      "Nothing is opened or closed to anybody."
    )
  })

const diff = Command.make(
  "diff",
  { file, json },
  Effect.fnUntraced(function* ({ file, json }) {
    const policy = yield* PolicyAdministration
    const changes = yield* policy.diff(yield* readDocument(file))
    yield* print(changes, { json, schema: PolicyDiff }, printDiff(changes))
  })
).pipe(
  Command.withDescription("Say what a policy would open and close, without changing anything"),
  Command.withExamples([{ command: "mall policy diff policy.json" }]),
  Command.provide(IdentityServices.layer)
)

const apply = Command.make(
  "apply",
  { file, reason, yes, json },
  Effect.fnUntraced(function* ({ file, json, reason, yes }) {
    const policy = yield* PolicyAdministration
    const document = yield* readDocument(file)
    const { version } = yield* policy.current
    if (!json) yield* printDiff(yield* policy.diff(document))
    yield* confirm(`Putting this in the place of version ${version}`, yes)
    const change = { version, document, reason }
    const applied = yield* policy.apply(yield* newChangeId, change, { operator: yield* operator })
    yield* print(
      applied,
      { json, schema: PolicyVersion },
      Console.log(`Version ${applied.version} counts on every server.`)
    )
  })
).pipe(
  Command.withDescription("Put a policy into force; the former ones stay and can be returned to"),
  Command.withExamples([{ command: 'mall policy apply policy.json --reason "support may see orders"' }]),
  Command.provide(IdentityServices.layer)
)

const rollback = Command.make(
  "rollback",
  {
    to: Argument.Int("version").pipe(Argument.withDescription("The version whose roles are to count again")),
    reason,
    yes,
    json
  },
  Effect.fnUntraced(function* ({ json, reason, to, yes }) {
    const policy = yield* PolicyAdministration
    const { document } = yield* policy.find(to)
    const { version } = yield* policy.current
    if (!json) yield* printDiff(yield* policy.diff(document))
    yield* confirm(`Returning from version ${version} to version ${to}`, yes)
    const change = { version, to, reason }
    const applied = yield* policy.rollback(yield* newChangeId, change, { operator: yield* operator })
    yield* print(
      applied,
      { json, schema: PolicyVersion },
      Console.log(`Version ${applied.version} counts on every server; it says what version ${to} said.`)
    )
  })
).pipe(
  Command.withDescription("Return to a former policy, as a new version"),
  Command.withExamples([{ command: 'mall policy rollback 3 --reason "support saw too much"' }]),
  Command.provide(IdentityServices.layer)
)

export const PolicyCommand = Command.make("policy").pipe(
  Command.withSubcommands([show, versions, whoCan, explain, diff, test, apply, rollback, anonymous])
)
