import { generator } from "@mall/domain/kernel/Id"
import { PositiveMoney } from "@mall/domain/kernel/Money"
import { NewRefund, OperatorRefund, Payment, PaymentPage, Refund } from "@mall/domain/payments/Payment"
import { PaymentDetails } from "@mall/domain/payments/PaymentDetails"
import { PaymentId, PaymentStatus, RefundId } from "@mall/domain/payments/PaymentGateway"
import { PaymentIncident } from "@mall/domain/trade/PaymentIncident"
import { PaymentOperations } from "@mall/payments/lifecycle/PaymentOperations"
import { PaymentIncidents } from "@mall/trade/PaymentIncidents"
import { DateTime, Effect, Option, Runtime, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { CallbacksCommand } from "./CallbacksCommand.ts"
import { log } from "./PaymentLogCommand.ts"
import { confirm, yes } from "./Confirm.ts"
import { historySection } from "./historySection.ts"
import { given, page, reason } from "./flags.ts"
import { operator } from "./Operator.ts"
import { fields, json, money, print, printPage, section, table } from "./Output.ts"
import * as Services from "./Services.ts"

const newRefundId = generator(RefundId)

const payment = Argument.String("payment").pipe(
  Argument.withSchema(PaymentId),
  Argument.withDescription("The id of the payment")
)

/** `1990 CNY`: minor units and a currency. */
const parseMoney = (text: string): Option.Option<typeof PositiveMoney.Type> => {
  const [, amount, currency = ""] = /^(\d{1,16}) ?([A-Za-z]{3,5})$/.exec(text) ?? []
  return Schema.decodeUnknownOption(PositiveMoney)({ amount: Number(amount), currency: currency.toUpperCase() })
}

const fieldsOf = (payment: Payment) =>
  fields({
    id: payment.id,
    status: payment.status,
    amount: money(payment.amount),
    captured: money(payment.captured),
    refunded: money(payment.refunded),
    reference: payment.reference,
    description: payment.description,
    merchant: payment.merchantId,
    payer: payment.payerId,
    "pay until": payment.expiresAt,
    "canceled at": payment.cancelAt,
    paid: payment.paidAt,
    created: payment.createdAt
  })

const humanOf = ({ attempts, callbacks, history, payment, refunds }: PaymentDetails) =>
  Effect.gen(function* () {
    yield* fieldsOf(payment)
    yield* section(
      "Attempts",
      {
        id: ({ id }) => id,
        channel: ({ channel, method }) => `${channel} ${method}`,
        status: ({ status }) => status,
        "chosen by": ({ decision }) => (decision === null ? "" : `${decision.by} ${decision.rule ?? ""}`.trim()),
        "at the channel": ({ channelReference }) => channelReference,
        error: ({ errorCode }) => errorCode,
        queries: ({ queries }) => queries,
        "asks again": ({ nextQueryAt }) => nextQueryAt
      },
      attempts
    )
    yield* section(
      "Refunds",
      {
        id: ({ id }) => id,
        status: ({ status }) => status,
        amount: ({ amount }) => money(amount),
        reason: ({ reason }) => reason,
        error: ({ errorCode }) => errorCode,
        created: ({ createdAt }) => createdAt
      },
      refunds
    )
    yield* section(
      "Callbacks",
      {
        id: ({ id }) => id,
        what: ({ eventType }) => eventType,
        status: ({ status }) => status,
        outcome: ({ outcome }) => outcome,
        received: ({ receivedAt }) => receivedAt
      },
      callbacks
    )
    yield* historySection(
      { of: ({ subject }) => subject, from: ({ fromStatus }) => fromStatus, to: ({ toStatus }) => toStatus },
      history
    )
  })

const printDetails = (details: PaymentDetails, json: boolean) =>
  print(details, { json, schema: PaymentDetails }, humanOf(details))

const list = Command.make(
  "list",
  {
    ...page,
    status: Flag.Literals("status", PaymentStatus.literals).pipe(
      Flag.withDescription("Only payments in this state"),
      Flag.optional
    ),
    reference: Flag.String("reference").pipe(
      Flag.withDescription("Only payments for this: of the mall's own, the id of a checkout"),
      Flag.optional
    ),
    json
  },
  Effect.fnUntraced(function* ({ after, json, limit, reference, status }) {
    const operations = yield* PaymentOperations
    yield* printPage(yield* operations.list({ limit, ...given({ after, reference, status }) }), {
      json,
      schema: PaymentPage,
      columns: {
        id: ({ id }) => id,
        status: ({ status }) => status,
        amount: ({ amount }) => money(amount),
        captured: ({ captured }) => money(captured),
        refunded: ({ refunded }) => money(refunded),
        reference: ({ reference }) => reference,
        created: ({ createdAt }) => createdAt
      },
      empty: "There are no such payments."
    })
  })
).pipe(
  Command.withDescription("List payments, newest first; amounts are in minor units"),
  Command.withExamples([
    { command: "mall payments list --status processing", description: "What a channel has not answered yet" },
    { command: "mall payments list --reference 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77", description: "Of a checkout" }
  ]),
  Command.provide(Services.layer)
)

const show = Command.make(
  "show",
  { payment, json },
  Effect.fnUntraced(function* ({ json, payment }) {
    const operations = yield* PaymentOperations
    yield* printDetails(yield* operations.show(payment), json)
  })
).pipe(
  Command.withDescription("Show a payment with its attempts, refunds, callbacks and history"),
  Command.withExamples([{ command: "mall payments show 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77" }]),
  Command.provide(Services.layer)
)

const query = Command.make(
  "query",
  { payment, json },
  Effect.fnUntraced(function* ({ json, payment }) {
    const operations = yield* PaymentOperations
    yield* printDetails(yield* operations.query(payment), json)
  })
).pipe(
  Command.withDescription(
    "Ask the channels now about everything of a payment that is open, and settle it by what they say"
  ),
  Command.withExamples([
    { command: "mall payments query 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77", description: "The buyer says: I have paid" }
  ]),
  Command.provide(Services.layer)
)

const refund = Command.make(
  "refund",
  {
    payment,
    amount: Flag.String("amount").pipe(
      Flag.filterMap(parseMoney, () => 'Expected minor units and a currency, such as "1990 CNY" for 19.90 yuan'),
      Flag.withDescription(
        'Minor units and currency, such as "1990 CNY" for 19.90 yuan. All that is left when not given'
      ),
      Flag.withMetavar("amount"),
      Flag.optional
    ),
    reason: Flag.String("reason").pipe(
      Flag.withSchema(NewRefund.fields.reason),
      Flag.withDescription("Why, in at most 80 characters: the channel may show it to the buyer")
    ),
    refundId: Flag.String("refund-id").pipe(
      Flag.withSchema(RefundId),
      Flag.withDescription(
        "Repeat a refund whose answer was lost: the same id is never refunded twice. A new one when not given"
      ),
      Flag.optional
    ),
    overridePolicy: Flag.Boolean("override-policy").pipe(
      Flag.withDescription("Give back also what is against the merchant's payment policy; the audit trail says so"),
      Flag.withDefault(false)
    ),
    surplus: Flag.Boolean("surplus").pipe(
      Flag.withDescription("Give back what was paid twice, once more, where that failed by itself"),
      Flag.withDefault(false)
    ),
    yes,
    json
  },
  Effect.fnUntraced(function* ({ amount, json, overridePolicy, payment, reason, refundId, surplus, yes }) {
    const operations = yield* PaymentOperations
    const { captured } = (yield* operations.show(payment)).payment
    const whole = surplus ? "what was paid twice" : "everything that is left"
    const what = Option.match(amount, { onNone: () => whole, onSome: money })
    yield* confirm(`Refunding ${what} of ${money(captured)}`, yes)
    const id = Option.isSome(refundId) ? refundId.value : yield* newRefundId
    const input: OperatorRefund = { reason, overridesPolicy: overridePolicy, surplus, ...given({ amount }) }
    const made = yield* operations.refund(payment, id, input, `operator:${yield* operator}`)
    yield* print(
      made,
      { json, schema: Refund },
      fields({
        id: made.id,
        payment: made.paymentId,
        status: made.status,
        amount: money(made.amount),
        reason: made.reason
      })
    )
  })
).pipe(
  Command.withDescription(
    "Give money back: all that is left, or a part. What the channel has not answered yet goes on by itself"
  ),
  Command.withExamples([
    {
      command: 'mall payments refund 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77 --reason "came broken"',
      description: "All of it"
    },
    {
      command: 'mall payments refund 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77 --amount "500 CNY" --reason "late" --yes',
      description: "Five yuan of it, in a script"
    }
  ]),
  Command.provide(Services.layer)
)

class TimeUnclear extends Schema.TaggedError<TimeUnclear>()("TimeUnclear", {}) {
  override readonly [Runtime.errorExitCode] = 2
  override get message() {
    return "Say either when, with --at, or --never"
  }
}

/** With its zone, so that no two people read it differently. */
const parseTime = (text: string): Option.Option<Date> =>
  /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/.test(text)
    ? Option.map(DateTime.make(text), DateTime.toDateUtc)
    : Option.none()

const scheduleCancel = Command.make(
  "schedule-cancel",
  {
    payment,
    at: Flag.String("at").pipe(
      Flag.filterMap(parseTime, () => "Expected a time with its zone, such as 2026-03-01T12:00:00Z"),
      Flag.withDescription("When, such as 2026-03-01T12:00:00Z or 2026-03-01T20:00+08:00; until then it may be paid"),
      Flag.withMetavar("time"),
      Flag.optional
    ),
    never: Flag.Boolean("never").pipe(Flag.withDescription("Take it back"), Flag.withDefault(false)),
    reason,
    json
  },
  Effect.fnUntraced(function* ({ at, json, never, payment, reason }) {
    if (never === Option.isSome(at)) return yield* new TimeUnclear()
    const operations = yield* PaymentOperations
    const as = { actor: `operator:${yield* operator}`, reason }
    const scheduled = yield* operations.scheduleCancel(payment, Option.getOrNull(at), as)
    yield* print(scheduled, { json, schema: Payment }, fieldsOf(scheduled))
  })
).pipe(
  Command.withDescription(
    "Have a payment canceled by itself at a time, closed at the channel first; or take that back"
  ),
  Command.withExamples([
    {
      command:
        'mall payments schedule-cancel 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77 --at 2026-03-01T12:00:00Z --reason "buyer asked"'
    },
    { command: 'mall payments schedule-cancel 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77 --never --reason "buyer came back"' }
  ]),
  Command.provide(Services.layer)
)

const incidents = Command.make(
  "incidents",
  { limit: page.limit, json },
  Effect.fnUntraced(function* ({ json, limit }) {
    const incidents = yield* PaymentIncidents
    const found = yield* incidents.list(limit)
    yield* print(
      found,
      { json, schema: Schema.Array(PaymentIncident) },
      table(
        {
          when: ({ at }) => at,
          kind: ({ kind }) => kind,
          payment: ({ paymentId }) => paymentId,
          checkout: ({ checkoutId }) => checkoutId,
          detail: ({ detail }) => detail
        },
        found,
        "There were no incidents."
      )
    )
  })
).pipe(
  Command.withDescription("List what the mall could not accept of a payment: a wrong amount, money that came too late"),
  Command.withExamples([{ command: "mall payments incidents", description: "The latest first" }]),
  Command.provide(Services.layer)
)

export const PaymentsCommand = Command.make("payments").pipe(
  Command.withSubcommands([list, show, log, query, refund, scheduleCancel, incidents, CallbacksCommand])
)
