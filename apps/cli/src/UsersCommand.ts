import { AccountEvent } from "@mall/domain/identity/AccountEvent"
import { Role } from "@mall/domain/identity/Permission"
import { ManagedUser } from "@mall/domain/identity/User"
import { Page } from "@mall/domain/kernel/Page"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { IdentityCommandLayer } from "@mall/identity/Identity"
import { UserAdministration } from "@mall/identity/UserAdministration"
import type { Act } from "@mall/identity/UserAdministration"
import { Outbox } from "@mall/platform/Outbox"
import { Console, Effect, Layer, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { confirm, yes } from "./Confirm.ts"
import { given, page, reason } from "./flags.ts"
import { operator } from "./Operator.ts"
import { fields, json, print, printPage, section } from "./Output.ts"
import * as ReadyDatabase from "./ReadyDatabase.ts"
import * as userReference from "./userReference.ts"

const Services = IdentityCommandLayer.pipe(Layer.provide(Outbox.layer), Layer.provideMerge(ReadyDatabase.layer))

const user = Argument.String("user").pipe(
  Argument.withDescription("The id or the email address of the user"),
  Argument.filterMap(userReference.parse, userReference.expectation)
)

const role = Argument.Literals("role", ["merchant", "admin"]).pipe(
  Argument.withDescription("merchant is the staff of one shop, admin operates the mall")
)

const actOf = Effect.fnUntraced(function* (reason: string) {
  const act: Act = { actorId: null, reason: `${reason} (operator ${yield* operator})` }
  return act
})

const nameOf = ({ email, id }: ManagedUser) => email ?? id

const standing = (user: ManagedUser) =>
  user.deletedAt !== null ? "deleted" : user.bannedAt !== null ? "banned" : "active"

const fieldsOf = (user: ManagedUser) =>
  fields({
    id: user.id,
    email: user.email,
    name: user.name,
    status: standing(user),
    roles: user.roles.join(", "),
    merchant: user.merchantId,
    "banned because": user.banReason,
    created: user.createdAt,
    "last login": user.lastLoginAt
  })

const printUser = (user: ManagedUser, json: boolean) => print(user, { json, schema: ManagedUser }, fieldsOf(user))

const list = Command.make(
  "list",
  {
    ...page,
    email: Flag.String("email").pipe(Flag.withDescription("Only emails that begin so"), Flag.optional),
    role: Flag.Literals("role", Role.literals).pipe(
      Flag.withDescription("Only those who have this role"),
      Flag.optional
    ),
    status: Flag.Literals("status", ["active", "banned"]).pipe(
      Flag.withDescription("Only accounts that are banned, or that are not"),
      Flag.optional
    ),
    json
  },
  Effect.fnUntraced(function* ({ after, email, json, limit, role, status }) {
    const administration = yield* UserAdministration
    const banned = Option.map(status, (status) => status === "banned")
    const users = yield* administration.list({ limit, ...given({ after, email, role, banned }) })
    yield* printPage(users, {
      json,
      schema: Page(ManagedUser),
      columns: {
        id: ({ id }) => id,
        email: ({ email }) => email,
        name: ({ name }) => name,
        roles: ({ roles }) => roles.join(", "),
        status: standing,
        created: ({ createdAt }) => createdAt
      },
      empty: "There are no such users."
    })
  })
).pipe(
  Command.withDescription("List accounts, newest first"),
  Command.withExamples([
    { command: "mall users list --role admin", description: "Who operates the mall" },
    { command: "mall users list --status banned --json", description: "Who is banned, for a program" },
    { command: "mall users list --email ann --limit 5", description: "Whose email begins with ann" }
  ]),
  Command.provide(Services)
)

const Details = Schema.Struct({ user: ManagedUser, history: Schema.Array(AccountEvent) })

const show = Command.make(
  "show",
  { user, json },
  Effect.fnUntraced(function* ({ json, user }) {
    const administration = yield* UserAdministration
    const found = yield* userReference.resolve(user)
    const { data: history } = yield* administration.history(found.id, { limit: 100 })
    yield* print(
      { user: found, history },
      { json, schema: Details },
      Effect.andThen(
        fieldsOf(found),
        section(
          "History, newest first",
          {
            when: ({ createdAt }) => createdAt,
            what: ({ type }) => type,
            who: ({ actorId }) => actorId,
            why: ({ reason }) => reason,
            trace: ({ traceId }) => traceId
          },
          history
        )
      )
    )
  })
).pipe(
  Command.withDescription("Show an account and what happened to it"),
  Command.withExamples([{ command: "mall users show ann@example.com", description: "By email; an id does as well" }]),
  Command.provide(Services)
)

const ban = Command.make(
  "ban",
  { user, reason, yes, json },
  Effect.fnUntraced(function* ({ json, reason, user, yes }) {
    const administration = yield* UserAdministration
    const found = yield* userReference.resolve(user)
    yield* confirm(`Banning ${nameOf(found)}, which ends all their sessions,`, yes)
    yield* printUser(yield* administration.ban(found.id, yield* actOf(reason)), json)
  })
).pipe(
  Command.withDescription("Keep the owner of an account out: sessions and tokens end at once, on every server"),
  Command.withExamples([
    { command: 'mall users ban ann@example.com --reason "stolen cards"', description: "Asks before it does so" },
    { command: 'mall users ban ann@example.com --reason "stolen cards" --yes', description: "In a script" }
  ]),
  Command.provide(Services)
)

const unban = Command.make(
  "unban",
  { user, reason, json },
  Effect.fnUntraced(function* ({ json, reason, user }) {
    const administration = yield* UserAdministration
    const { id } = yield* userReference.resolve(user)
    yield* printUser(yield* administration.unban(id, yield* actOf(reason)), json)
  })
).pipe(
  Command.withDescription("Let the owner of a banned account in again"),
  Command.withExamples([{ command: 'mall users unban ann@example.com --reason "cards were hers"' }]),
  Command.provide(Services)
)

const logout = Command.make(
  "logout",
  { user, reason, json },
  Effect.fnUntraced(function* ({ json, reason, user }) {
    const administration = yield* UserAdministration
    const found = yield* userReference.resolve(user)
    yield* administration.logout(found.id, yield* actOf(reason))
    yield* print(found, { json, schema: ManagedUser }, Console.log(`${nameOf(found)} is signed out everywhere.`))
  })
).pipe(
  Command.withDescription("End all sessions of a user; they may sign in again"),
  Command.withExamples([{ command: 'mall users logout ann@example.com --reason "lost her phone"' }]),
  Command.provide(Services)
)

const grant = Command.make(
  "grant",
  {
    user,
    role,
    merchant: Flag.String("merchant").pipe(
      Flag.withSchema(MerchantId),
      Flag.withDescription("The id of the shop; needed for the role merchant, and only there"),
      Flag.optional
    ),
    reason,
    json
  },
  Effect.fnUntraced(function* ({ json, merchant, reason, role, user }) {
    const administration = yield* UserAdministration
    const { id } = yield* userReference.resolve(user)
    const granted = yield* administration.grant(id, role, Option.getOrNull(merchant), yield* actOf(reason))
    yield* printUser(granted, json)
  })
).pipe(
  Command.withDescription("Give a user a role; their tokens end, and the next ones carry it"),
  Command.withExamples([
    { command: 'mall users grant ann@example.com admin --reason "on call"' },
    {
      command:
        'mall users grant bo@example.com merchant --merchant 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77 --reason "runs the shop"'
    }
  ]),
  Command.provide(Services)
)

const revoke = Command.make(
  "revoke",
  { user, role, reason, yes, json },
  Effect.fnUntraced(function* ({ json, reason, role, user, yes }) {
    const administration = yield* UserAdministration
    const found = yield* userReference.resolve(user)
    yield* confirm(`Taking the role ${role} from ${nameOf(found)}`, yes)
    yield* printUser(yield* administration.revoke(found.id, role, yield* actOf(reason)), json)
  })
).pipe(
  Command.withDescription("Take a role from a user; their tokens end at once"),
  Command.withExamples([{ command: 'mall users revoke ann@example.com admin --reason "left the team" --yes' }]),
  Command.provide(Services)
)

export const UsersCommand = Command.make("users").pipe(
  Command.withSubcommands([list, show, ban, unban, logout, grant, revoke])
)
