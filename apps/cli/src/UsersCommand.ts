import { AccountEvent } from "@mall/domain/identity/AccountEvent"
import { Role } from "@mall/domain/identity/Permission"
import { LoginRecord } from "@mall/domain/identity/SignIn"
import { Email, ManagedUser } from "@mall/domain/identity/User"
import { Page } from "@mall/domain/kernel/Page"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { LoginRecords } from "@mall/identity/signin/LoginRecords"
import { SecondFactors } from "@mall/identity/signin/SecondFactors"
import { UserAdministration } from "@mall/identity/users/UserAdministration"
import type { Act } from "@mall/identity/users/accountChanges"
import { Console, Effect, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import * as IdentityServices from "./IdentityServices.ts"
import { confirm, yes } from "./Confirm.ts"
import { given, page, reason } from "./flags.ts"
import { operator } from "./Operator.ts"
import { fields, json, print, printPage, section } from "./Output.ts"
import * as userReference from "./userReference.ts"

const user = Argument.String("user").pipe(
  Argument.withDescription("The id or the email address of the user"),
  Argument.filterMap(userReference.parse, userReference.expectation)
)

const role = Argument.String("role").pipe(
  Argument.withSchema(Role),
  Argument.withDescription("merchant runs one shop, admin operates the mall; others are those of `mall policy show`")
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
    "roles in the shop": user.shopRoles.join(", "),
    "banned because": user.banReason,
    created: user.createdAt,
    "last login": user.lastLoginAt
  })

const printUser = (user: ManagedUser, json: boolean) => print(user, { json, schema: ManagedUser }, fieldsOf(user))

const list = Command.make(
  "list",
  {
    ...page,
    email: Flag.String("email").pipe(
      Flag.withSchema(Email),
      Flag.withDescription("Only the account with this email, which is the whole of it"),
      Flag.optional
    ),
    role: Flag.String("role").pipe(
      Flag.withSchema(Role),
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
    { command: "mall users list --email ann@example.com", description: "Whose email is this" }
  ]),
  Command.provide(IdentityServices.layer)
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
            role: ({ subject }) => subject,
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
  Command.provide(IdentityServices.layer)
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
  Command.provide(IdentityServices.layer)
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
  Command.provide(IdentityServices.layer)
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
  Command.provide(IdentityServices.layer)
)

const grant = Command.make(
  "grant",
  {
    user,
    role,
    merchant: Flag.String("merchant").pipe(
      Flag.withSchema(MerchantId),
      Flag.withDescription("The id of the shop within which it is held; needed for the role merchant, never for admin"),
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
  Command.provide(IdentityServices.layer)
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
  Command.provide(IdentityServices.layer)
)

const logins = Command.make(
  "logins",
  { user, ...page, json },
  Effect.fnUntraced(function* ({ after, json, limit, user }) {
    const records = yield* LoginRecords
    const { id } = yield* userReference.resolve(user)
    yield* printPage(yield* records.list(id, { limit, ...given({ after }) }), {
      json,
      schema: Page(LoginRecord),
      columns: {
        when: ({ createdAt }) => createdAt,
        outcome: ({ outcome }) => outcome,
        network: ({ network }) => network,
        country: ({ country }) => country,
        device: ({ deviceId }) => deviceId,
        client: ({ userAgent }) => userAgent
      },
      empty: "Nobody signed in to this account or tried to, as far as is remembered."
    })
  })
).pipe(
  Command.withDescription(
    "List when, from where and on what somebody signed in to an account or tried to, newest first"
  ),
  Command.withExamples([{ command: "mall users logins ann@example.com --limit 50" }]),
  Command.provide(IdentityServices.layer)
)

const resetMfa = Command.make(
  "reset-mfa",
  { user, reason, yes, json },
  Effect.fnUntraced(function* ({ json, reason, user, yes }) {
    const factors = yield* SecondFactors
    const found = yield* userReference.resolve(user)
    yield* confirm(`Removing the authenticator of ${nameOf(found)}, whose password alone will do from then on,`, yes)
    yield* factors.reset(found.id, yield* actOf(reason))
    yield* print(
      found,
      { json, schema: ManagedUser },
      Console.log(`${nameOf(found)} has no authenticator any more, and was told so by mail.`)
    )
  })
).pipe(
  Command.withDescription("Remove the authenticator of an owner who lost it and the recovery codes; be sure who asks"),
  Command.withExamples([{ command: 'mall users reset-mfa ann@example.com --reason "lost her phone, passport seen"' }]),
  Command.provide(IdentityServices.layer)
)

export const UsersCommand = Command.make("users").pipe(
  Command.withSubcommands([list, show, logins, ban, unban, logout, resetMfa, grant, revoke])
)
