import { ServiceName } from "@mall/domain/identity/ServiceName"
import { IssuedServiceToken, ServiceToken, ServiceTokenId } from "@mall/domain/identity/ServiceToken"
import { Page } from "@mall/domain/kernel/Page"
import { ServiceTokens } from "@mall/identity/services/ServiceTokens"
import { Console, Duration, Effect, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { confirm, yes } from "./Confirm.ts"
import { given, page, reason } from "./flags.ts"
import * as IdentityServices from "./IdentityServices.ts"
import { operator } from "./Operator.ts"
import { fields, json, print, printPage } from "./Output.ts"

const service = (name: string, description: string) =>
  Argument.String(name).pipe(Argument.withSchema(ServiceName), Argument.withDescription(description))

const fieldsOf = (token: ServiceToken) =>
  fields({
    id: token.id,
    from: token.callingService,
    to: token.calledService,
    status: token.status,
    created: token.createdAt,
    by: token.createdBy,
    expires: token.expiresAt,
    revoked: token.revokedAt
  })

const list = Command.make(
  "list",
  { ...page, json },
  Effect.fnUntraced(function* ({ after, json, limit }) {
    const tokens = yield* ServiceTokens
    yield* printPage(yield* tokens.list({ limit, ...given({ after }) }), {
      json,
      schema: Page(ServiceToken),
      columns: {
        id: ({ id }) => id,
        from: ({ callingService }) => callingService,
        to: ({ calledService }) => calledService,
        status: ({ status }) => status,
        by: ({ createdBy }) => createdBy,
        expires: ({ expiresAt }) => expiresAt
      },
      empty: "There are no service tokens."
    })
  })
).pipe(
  Command.withDescription(
    "List the tokens with which our services call each other, newest first, also those that have ended"
  ),
  Command.withExamples([{ command: "mall services list" }]),
  Command.provide(IdentityServices.layer)
)

const issue = Command.make(
  "issue",
  {
    callingService: service("from", "The service that calls, such as mall"),
    calledService: service("to", "The service that is called, such as payments"),
    days: Flag.Int("days").pipe(
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3650 }))),
      Flag.withDescription("After how many days it expires"),
      Flag.withDefault(365)
    ),
    overlap: Flag.Int("overlap").pipe(
      Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 604_800 }))),
      Flag.withDescription(
        "In how many seconds the former tokens between the two end; where left out they go on until they expire"
      ),
      Flag.optional
    ),
    reason,
    yes,
    json
  },
  Effect.fnUntraced(function* ({ calledService, callingService, days, json, overlap, reason, yes }) {
    const tokens = yield* ServiceTokens
    if (Option.isSome(overlap)) {
      yield* confirm(`Ending the former tokens of ${callingService} for ${calledService} in ${overlap.value} s`, yes)
    }
    const issued = yield* tokens.issue({
      ...{ callingService, calledService, lifetime: Duration.days(days), reason },
      overlap: Option.getOrUndefined(Option.map(overlap, Duration.seconds)),
      actor: `operator:${yield* operator}`
    })
    yield* print(
      issued,
      { json, schema: IssuedServiceToken },
      Effect.andThen(fieldsOf(issued.serviceToken), Console.log(`\n${issued.token}\n\nIt is shown this once.`))
    )
  })
).pipe(
  Command.withDescription("Make a token with which one service calls another; it is shown once"),
  Command.withExamples([
    { command: 'mall services issue mall payments --reason "first set-up"' },
    {
      command: 'mall services issue mall payments --overlap 3600 --reason "yearly rotation" --yes',
      description: "Rotate: the former token is good for an hour more"
    }
  ]),
  Command.provide(IdentityServices.layer)
)

const revoke = Command.make(
  "revoke",
  {
    id: Argument.String("id").pipe(
      Argument.withSchema(ServiceTokenId),
      Argument.withDescription("The id of the token, as `mall services list` shows it")
    ),
    reason,
    yes,
    json
  },
  Effect.fnUntraced(function* ({ id, json, reason, yes }) {
    const tokens = yield* ServiceTokens
    yield* confirm(`Revoking ${id}`, yes)
    const revoked = yield* tokens.revoke(id, reason)
    yield* print(revoked, { json, schema: ServiceToken }, fieldsOf(revoked))
  })
).pipe(
  Command.withDescription("End a token at once, on every server, for ever"),
  Command.withExamples([{ command: 'mall services revoke <id> --reason "it leaked" --yes' }]),
  Command.provide(IdentityServices.layer)
)

export const ServicesCommand = Command.make("services").pipe(Command.withSubcommands([list, issue, revoke]))
