import {
  CheckStatus,
  DoctorReport,
  Violation,
  ViolationDetails,
  ViolationId,
  ViolationPage
} from "@mall/domain/operations/Doctor"
import type { CheckResult } from "@mall/domain/operations/Doctor"
import { Doctor } from "@mall/platform/doctor/Doctor"
import { Console, Effect, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { given, page, reason } from "./flags.ts"
import { operator } from "./Operator.ts"
import { fields, json, print, printPage, section, table } from "./Output.ts"
import * as Services from "./Services.ts"

/** The command ended well and found what is not. */
class NotSound extends Schema.TaggedError<NotSound>()("NotSound", { checks: Schema.Array(Schema.String) }) {
  override get message() {
    return `Not as it has to be: ${this.checks.join(", ")}. See: mall doctor violations --open`
  }
}

class CheckNotNamed extends Schema.TaggedError<CheckNotNamed>()("CheckNotNamed", {}) {
  override get message() {
    return "Which check is to look at it? Name it by --check; see: mall doctor checks"
  }
}

const checkFlag = Flag.String("check").pipe(Flag.withDescription("One check, by its name"), Flag.optional)
const violation = Argument.String("violation").pipe(
  Argument.withSchema(ViolationId),
  Argument.withDescription("The id of the violation")
)

const outcomeOf = ({ acknowledged, failure, found }: CheckResult) =>
  failure !== null ? "could not look" : found === 0 ? "ok" : found === acknowledged ? "acknowledged" : "VIOLATED"

const checks = Command.make(
  "checks",
  { json },
  Effect.fnUntraced(function* ({ json }) {
    const found = yield* Doctor.use((doctor) => doctor.checks)
    yield* print(
      found,
      { json, schema: Schema.Array(CheckStatus) },
      table(
        {
          check: ({ name }) => name,
          severity: ({ severity }) => severity,
          asks: ({ reach }) => reach,
          open: ({ open }) => open,
          acknowledged: ({ acknowledged }) => acknowledged,
          "last run": ({ lastRun }) => lastRun?.finishedAt,
          "last full run": ({ lastRun }) => lastRun?.lastFullAt,
          "makes sure that": ({ says }) => says
        },
        found,
        "There are no checks."
      )
    )
  })
).pipe(
  Command.withDescription("List what is made sure of, and how the last run of each went anywhere"),
  Command.withExamples([{ command: "mall doctor checks" }]),
  Command.provide(Services.layer)
)

const violations = Command.make(
  "violations",
  {
    ...page,
    check: checkFlag,
    open: Flag.Boolean("open").pipe(Flag.withDescription("Only what is so now"), Flag.withDefault(false)),
    json
  },
  Effect.fnUntraced(function* ({ after, check, json, limit, open }) {
    const doctor = yield* Doctor
    const found = yield* doctor.violations({ limit, ...given({ after, check }), ...(open ? { isOpen: true } : {}) })
    yield* printPage(found, {
      json,
      schema: ViolationPage,
      columns: {
        id: ({ id }) => id,
        check: ({ check }) => check,
        subject: ({ subject }) => `${subject.type} ${subject.id}`,
        since: ({ firstSeenAt }) => firstSeenAt,
        resolved: ({ resolvedAt }) => resolvedAt,
        acknowledged: ({ acknowledgedBy }) => acknowledgedBy,
        frozen: ({ frozen }) => frozen.join(", "),
        what: ({ summary }) => summary
      },
      empty: "There are no such violations."
    })
  })
).pipe(
  Command.withDescription("List what was found not to be so, newest first"),
  Command.withExamples([{ command: "mall doctor violations --open", description: "What is wrong now" }]),
  Command.provide(Services.layer)
)

const show = Command.make(
  "show",
  { violation, json },
  Effect.fnUntraced(function* ({ json, violation }) {
    const details = yield* Doctor.use((doctor) => doctor.show(violation))
    const { events, history, violation: found } = details
    yield* print(
      details,
      { json, schema: ViolationDetails },
      fields({
        id: found.id,
        check: found.check,
        subject: `${found.subject.type} ${found.subject.id}`,
        what: found.summary,
        expected: found.expected,
        found: found.found,
        "first seen": found.firstSeenAt,
        "last seen": found.lastSeenAt,
        resolved: found.resolvedAt,
        acknowledged: found.acknowledgedBy,
        because: found.acknowledgeReason,
        frozen: found.frozen.join(", "),
        trace: found.traceId
      }).pipe(
        Effect.andThen(
          section(
            "What became of it, oldest first",
            {
              when: ({ at }) => at,
              what: ({ change }) => change,
              detail: ({ detail }) => detail,
              who: ({ actor }) => actor,
              trace: ({ traceId }) => traceId
            },
            history
          )
        ),
        Effect.andThen(
          section(
            "What led to it, oldest first",
            {
              when: ({ at }) => at,
              record: ({ source }) => source,
              what: ({ what }) => what,
              who: ({ actor }) => actor,
              trace: ({ traceId }) => traceId
            },
            events
          )
        )
      )
    )
  })
).pipe(
  Command.withDescription("Explain a violation: what is wrong, and the chain of events that led to it, with trace ids"),
  Command.withExamples([{ command: "mall doctor show 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77" }]),
  Command.provide(Services.layer)
)

const acknowledge = Command.make(
  "acknowledge",
  { violation, reason, json },
  Effect.fnUntraced(function* ({ json, reason, violation }) {
    const doctor = yield* Doctor
    const taken = yield* doctor.acknowledge(violation, reason, `operator:${yield* operator}`)
    yield* print(
      taken,
      { json, schema: Violation },
      Console.log(`${taken.check} is acknowledged by ${taken.acknowledgedBy}; it is not told again.`)
    )
  })
).pipe(
  Command.withDescription("Say that somebody takes care of a violation: it stays open, and fails no run"),
  Command.withExamples([
    { command: 'mall doctor acknowledge 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77 --reason "known, INC-7"' }
  ]),
  Command.provide(Services.layer)
)

export const DoctorCommand = Command.make(
  "doctor",
  {
    check: checkFlag,
    subject: Flag.String("subject").pipe(
      Flag.withDescription("Look at this alone, by its id, such as one payment; needs --check"),
      Flag.optional
    ),
    full: Flag.Boolean("full").pipe(
      Flag.withDescription("Look at everything, not only at what changed since the last run"),
      Flag.withDefault(false)
    ),
    channels: Flag.Boolean("channels").pipe(
      Flag.withDescription("Ask the payment channels too"),
      Flag.withDefault(false)
    ),
    json
  },
  Effect.fnUntraced(function* ({ channels, check, full, json, subject }) {
    const doctor = yield* Doctor
    if (Option.isSome(subject) && Option.isNone(check)) return yield* new CheckNotNamed({})
    const report = yield* doctor.run({ ...given({ check, subject }), isFull: full, withChannels: channels })
    yield* print(
      report,
      { json, schema: DoctorReport },
      table(
        {
          check: ({ check }) => check,
          outcome: outcomeOf,
          looked: ({ looked }) => looked,
          violations: ({ found }) => found,
          "makes sure that": ({ says }) => says
        },
        report.results,
        "There are no checks."
      )
    )
    const faulty = report.results.filter((result) => !["ok", "acknowledged"].includes(outcomeOf(result)))
    if (!report.isSound) return yield* new NotSound({ checks: faulty.map(({ check }) => check) })
  }, Effect.provide(Services.layer))
).pipe(
  Command.withExamples([
    {
      command: "mall doctor",
      description: "Look at what changed since the last run; ends with 1 where something is wrong"
    },
    { command: "mall doctor --full --channels", description: "Look at everything, and ask the channels" },
    { command: "mall doctor --check ledger_trial_balance --json" },
    {
      command: "mall doctor --check payment_channels --subject 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77",
      description: "Ask the channel about one payment"
    }
  ]),
  Command.withSubcommands([checks, violations, show, acknowledge])
)
