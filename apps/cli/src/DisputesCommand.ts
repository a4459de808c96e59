import { DisputeDetails, DisputeId, DisputePage, EvidenceKind, NewEvidence } from "@mall/domain/payments/Dispute"
import { DisputeStatus } from "@mall/domain/payments/DisputeLifecycle"
import { Disputes } from "@mall/payments/disputes/Disputes"
import type { Party } from "@mall/payments/disputes/Disputes"
import { DisputeSync } from "@mall/payments/disputes/DisputeSync"
import { Effect, FileSystem, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { confirm, yes } from "./Confirm.ts"
import { historySection } from "./historySection.ts"
import { given, page } from "./flags.ts"
import { operator } from "./Operator.ts"
import { fields, json, money, print, printPage, section } from "./Output.ts"
import * as Services from "./Services.ts"

const dispute = Argument.String("dispute").pipe(
  Argument.withSchema(DisputeId),
  Argument.withDescription("The id of the dispute")
)
const anId = "0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77"

const party = Effect.map(operator, (name): Party => ({ sees: "all", actor: `operator:${name}` }))

const orNothing = <A>(value: A | null, show: (value: A) => string) => (value === null ? "" : show(value))

const humanOf = ({ captured, dispute, evidence, history, refunded }: DisputeDetails) =>
  Effect.gen(function* () {
    yield* fields({
      id: dispute.id,
      status: dispute.status,
      amount: money(dispute.amount),
      reason: dispute.reason,
      payment: dispute.paymentId ?? "none of ours",
      captured: orNothing(captured, money),
      refunded: orNothing(refunded, money),
      withdrawn: orNothing(dispute.withdrawn, money),
      fees: orNothing(dispute.fees, money),
      merchant: dispute.merchantId,
      "at the channel": `${dispute.channel} ${dispute.channelReference}`,
      "evidence until": dispute.evidenceDueAt,
      opened: dispute.openedAt
    })
    yield* section(
      "Evidence",
      {
        kind: ({ kind }) => kind,
        what: ({ fileType, text }) => fileType ?? text,
        bytes: ({ size }) => size,
        "added by": ({ addedBy }) => addedBy,
        submitted: ({ submittedAt }) => submittedAt
      },
      evidence
    )
    yield* historySection(
      { from: ({ fromStatus }) => fromStatus, to: ({ toStatus }) => toStatus, amount: ({ amount }) => money(amount) },
      history
    )
  })

const printDetails = (details: DisputeDetails, json: boolean) =>
  print(details, { json, schema: DisputeDetails }, humanOf(details))

const list = Command.make(
  "list",
  {
    ...page,
    status: Flag.Literals("status", DisputeStatus.literals).pipe(
      Flag.withDescription("Only disputes in this state"),
      Flag.optional
    ),
    json
  },
  Effect.fnUntraced(function* ({ after, json, limit, status }) {
    const disputes = yield* Disputes
    yield* printPage(yield* disputes.list(yield* party, { limit, ...given({ after, status }) }), {
      json,
      schema: DisputePage,
      columns: {
        id: ({ id }) => id,
        status: ({ status }) => status,
        amount: ({ amount }) => money(amount),
        reason: ({ reason }) => reason,
        payment: ({ paymentId }) => paymentId ?? "none of ours",
        "evidence until": ({ evidenceDueAt }) => evidenceDueAt
      },
      empty: "There are no such disputes."
    })
  })
).pipe(
  Command.withDescription("List disputes, newest first; amounts are in minor units"),
  Command.withExamples([
    { command: "mall disputes list --status needs_response", description: "What a bank waits for" }
  ]),
  Command.provide(Services.layer)
)

const show = Command.make(
  "show",
  { dispute, json },
  Effect.fnUntraced(function* ({ dispute, json }) {
    const disputes = yield* Disputes
    yield* printDetails(yield* disputes.show(yield* party, dispute), json)
  })
).pipe(
  Command.withDescription("Show a dispute with its evidence and its history"),
  Command.withExamples([{ command: `mall disputes show ${anId}` }]),
  Command.provide(Services.layer)
)

const evidence = Command.make(
  "evidence",
  {
    dispute,
    kind: Argument.Literals("kind", EvidenceKind.literals).pipe(
      Argument.withDescription("What it shows, such as receipt or product_description")
    ),
    text: Flag.String("text").pipe(Flag.withDescription("The text, for a kind that is one"), Flag.optional),
    file: Flag.File("file", { mustExist: true }).pipe(
      Flag.withDescription("A PDF, JPEG or PNG, for a kind that is a document"),
      Flag.optional
    ),
    json
  },
  Effect.fnUntraced(function* ({ dispute, file, json, kind, text }) {
    const disputes = yield* Disputes
    const fs = yield* FileSystem.FileSystem
    const content = Option.isSome(file)
      ? { kind, file: yield* fs.readFile(file.value) }
      : { kind, text: Option.getOrElse(text, () => "") }
    const added = yield* Schema.decodeUnknownEffect(Schema.toType(NewEvidence))(content)
    yield* printDetails(yield* disputes.addEvidence(yield* party, dispute, added), json)
  })
).pipe(
  Command.withDescription(
    "Add a piece of evidence, in the place of an earlier one of its kind; the bank reads it once submitted"
  ),
  Command.withExamples([
    { command: `mall disputes evidence ${anId} receipt --file receipt.pdf` },
    { command: `mall disputes evidence ${anId} product_description --text "Two shirts"` }
  ]),
  Command.provide(Services.layer)
)

const submit = Command.make(
  "submit",
  { dispute, yes, json },
  Effect.fnUntraced(function* ({ dispute, json, yes }) {
    const disputes = yield* Disputes
    yield* confirm("Sending the evidence to the bank, which reads it once", yes)
    yield* printDetails(yield* disputes.submit(yield* party, dispute), json)
  })
).pipe(
  Command.withDescription("Send the evidence to the buyer's bank"),
  Command.withExamples([{ command: `mall disputes submit ${anId} --yes` }]),
  Command.provide(Services.layer)
)

const accept = Command.make(
  "accept",
  { dispute, yes, json },
  Effect.fnUntraced(function* ({ dispute, json, yes }) {
    const disputes = yield* Disputes
    yield* confirm("Giving the dispute up for ever: the buyer keeps the money", yes)
    yield* printDetails(yield* disputes.accept(yield* party, dispute), json)
  })
).pipe(
  Command.withDescription("Give a dispute up"),
  Command.withExamples([{ command: `mall disputes accept ${anId}` }]),
  Command.provide(Services.layer)
)

const Found = Schema.Struct({ found: Schema.Int })

const sync = Command.make(
  "sync",
  {
    dispute: Argument.optional(dispute),
    all: Flag.Boolean("all").pipe(
      Flag.withDescription("Look through every dispute of the channels, not only back to those that are known"),
      Flag.withDefault(false)
    ),
    json
  },
  Effect.fnUntraced(function* ({ all, dispute, json }) {
    if (Option.isSome(dispute)) {
      const disputes = yield* Disputes
      return yield* printDetails(yield* disputes.sync(yield* party, dispute.value), json)
    }
    const channels = yield* DisputeSync
    const result = { found: yield* channels.discover(all ? "everything" : "known") }
    yield* print(result, { json, schema: Found }, fields(result))
  })
).pipe(
  Command.withDescription("Ask the channel about a dispute, or all channels for those that we never heard of"),
  Command.withExamples([
    { command: "mall disputes sync", description: "After notices were lost" },
    { command: "mall disputes sync --all", description: "After some of them were lost" },
    { command: `mall disputes sync ${anId}` }
  ]),
  Command.provide(Services.layer)
)

export const DisputesCommand = Command.make("disputes").pipe(
  Command.withSubcommands([list, show, evidence, submit, accept, sync])
)
