import { MerchantId } from "@mall/domain/merchants/Merchant"
import { AuditAction, AuditHead, AuditPage, AuditVerification } from "@mall/domain/operations/Audit"
import type { AuditBreak } from "@mall/domain/operations/Audit"
import { AuditChain } from "@mall/platform/audit/AuditChain"
import { AuditTrail } from "@mall/platform/audit/AuditTrail"
import { Console, Effect, Layer, Option, Runtime, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import { given, page, Time } from "./flags.ts"
import { json, print, printPage } from "./Output.ts"
import * as ReadyDatabase from "./ReadyDatabase.ts"

const Audit = Layer.mergeAll(AuditTrail.layer, AuditChain.layer).pipe(Layer.provideMerge(ReadyDatabase.layer))

const text = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.optional)

const time = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withSchema(Time), Flag.withDescription(description), Flag.optional)

const encodeJson = Schema.encodeSync(Schema.fromJsonString(Schema.Unknown))

const show = Command.make(
  "show",
  {
    ...page,
    actor: text("actor", "The id of a user, or the name of an operator"),
    action: Flag.Literals("action", AuditAction.literals).pipe(Flag.withDescription("What was done"), Flag.optional),
    resourceType: text("resource-type", "What kind of thing it was done to, such as product"),
    resourceId: text("resource", "The id of the thing"),
    merchantId: Flag.String("merchant").pipe(
      Flag.withSchema(MerchantId),
      Flag.withDescription("The id of the merchant whose it is"),
      Flag.optional
    ),
    from: time("from", "Not before this time"),
    until: time("until", "Before this time"),
    json
  },
  Effect.fnUntraced(function* ({ json, limit, ...flags }) {
    const trail = yield* AuditTrail
    const found = yield* trail.list("all", { limit, ...given(flags) })
    yield* printPage(found, {
      json,
      schema: AuditPage,
      columns: {
        at: ({ at }) => at,
        actor: ({ actor }) => `${actor.kind} ${actor.id}`,
        action: ({ action }) => action,
        resource: ({ resource }) => `${resource.type} ${resource.id}`,
        from: ({ origin }) => origin.network,
        trace: ({ origin }) => origin.traceId,
        before: ({ before }) => before && encodeJson(before),
        after: ({ after }) => after && encodeJson(after),
        reason: ({ reason }) => reason
      },
      empty: "There are no such entries."
    })
  })
).pipe(
  Command.withDescription("Show what staff did, newest first: who, what, from where, before and after"),
  Command.withExamples([
    { command: "mall audit show --actor olga --from 2026-01-01", description: "What an operator did this year" },
    { command: "mall audit show --resource-type product --resource 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77" }
  ]),
  Command.provide(Audit)
)

const head = Command.make(
  "head",
  { json },
  Effect.fnUntraced(function* ({ json }) {
    const chain = yield* AuditChain
    const found = Option.getOrNull(yield* chain.head)
    yield* print(
      found,
      { json, schema: Schema.NullOr(AuditHead) },
      Console.log(found === null ? "There is nothing in the chain." : `${found.position}:${found.hash}`)
    )
  })
).pipe(
  Command.withDescription("Print the end of the chain, to be kept where nobody of the mall can write"),
  Command.withExamples([{ command: "mall audit head", description: "The position and the hash that stands there" }]),
  Command.provide(Audit)
)

/** The trail is not what was written. */
class AuditBroken extends Schema.TaggedError<AuditBroken>()("AuditBroken", { sentence: Schema.String }) {
  override readonly [Runtime.errorExitCode] = 1
  override get message() {
    return this.sentence
  }
}

const sentenceOf = ({ entryId, position, what }: AuditBreak) => {
  const entry = `entry ${entryId}`
  switch (what) {
    case "missing":
      return `The chain is broken: nothing stands at ${position}`
    case "altered":
      return `The chain is broken at ${position}: ${entry} is not what was written`
    case "head":
      return `The chain is another than the one that was kept: see ${position}, ${entry}`
    case "erased":
      return `The chain is broken${position === null ? "" : ` at ${position}`}: ${entry} was taken away`
    case "foreign":
      return `The trail holds ${entry}, which the mall did not write`
  }
}

/** `position:hash`, as `head` prints it. */
const headOf = (text: string) => {
  const [position = "", hash = ""] = text.split(":")
  return AuditHead.make({ position: Number(position), hash })
}

const verify = Command.make(
  "verify",
  {
    from: Flag.Int("from").pipe(
      Flag.withSchema(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
      Flag.withDescription("Begin at this position and trust what is before it"),
      Flag.optional
    ),
    head: Flag.String("head").pipe(
      Flag.withSchema(Schema.String.check(Schema.isPattern(/^\d{1,15}:[0-9a-f]{64}$/))),
      Flag.withDescription("What `mall audit head` printed once: it must still stand there"),
      Flag.optional
    ),
    json
  },
  Effect.fnUntraced(function* ({ from, head, json }) {
    const chain = yield* AuditChain
    const kept = Option.map(head, headOf)
    const found = yield* chain.verify(given({ from, head: kept }))
    yield* print(
      found,
      { json, schema: AuditVerification },
      Console.log(
        `${found.checked} entries are in the chain as they were written; ${found.unsealed} wait for their place.`
      )
    )
    if (found.broken !== null) return yield* new AuditBroken({ sentence: sentenceOf(found.broken) })
  })
).pipe(
  Command.withDescription("Walk the chain over what staff did, and name the first entry that is not as it was written"),
  Command.withExamples([
    { command: "mall audit verify", description: "All of it; ends with 1 where something is wrong" },
    { command: "mall audit verify --from 120000", description: "What came since the last time" }
  ]),
  Command.provide(Audit)
)

export const AuditCommand = Command.make("audit").pipe(Command.withSubcommands([show, verify, head]))
