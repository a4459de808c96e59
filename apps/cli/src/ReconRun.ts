import { generator } from "@mall/domain/kernel/Id"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { ChannelId } from "@mall/domain/payments/Payment"
import { BillDay } from "@mall/domain/treasury/Bill"
import { Run, RunId } from "@mall/domain/treasury/Run"
import { ReconciliationReads } from "@mall/treasury/reconciliation/ReconciliationReads"
import { Reconciler } from "@mall/treasury/reconciliation/Reconciler"
import { Runs } from "@mall/treasury/reconciliation/Runs"
import { Console, Effect, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { given } from "./flags.ts"
import { operator } from "./Operator.ts"
import { fields, json, print } from "./Output.ts"
import * as Services from "./Services.ts"

const newRunId = generator(RunId)

/** How often a run that is on its way is looked at. */
const glance = "1 second"

export const ofMerchant = Flag.String("merchant").pipe(
  Flag.withSchema(MerchantId),
  Flag.withDescription("Of this merchant's own account; of the platform's where it is not given"),
  Flag.optional
)

class RunFailed extends Schema.TaggedError<RunFailed>()("RunFailed", {
  failure: Schema.String,
  nextAttemptAt: Schema.NullOr(Schema.Date)
}) {
  override get message() {
    const next = this.nextAttemptAt
    return `${this.failure}${next === null ? "" : `; it is tried again at ${next.toISOString()}`}`
  }
}

const told = ({ attempt, lines, matched, records, stage, status }: Run) =>
  `${stage ?? status}${attempt > 1 ? `, try ${attempt}` : ""}: ${lines} lines, ${records} records of ours, ${matched} matched`

/** Tells on standard error how far the run is, whenever that has changed. */
const tellProgress = Effect.fnUntraced(function* (id: RunId) {
  const reads = yield* ReconciliationReads
  let last = ""
  while (true) {
    yield* Effect.sleep(glance)
    const now = told(yield* reads.run(id))
    if (now !== last) yield* Console.error(now)
    last = now
  }
})

/** Until this try of it has come to its end: by this command, where no worker has it. */
const attend = Effect.fnUntraced(function* (id: RunId, actor: string) {
  const reads = yield* ReconciliationReads
  const reconciler = yield* Reconciler
  while (true) {
    const done = yield* reconciler.work(id, actor)
    const run = Option.isSome(done) ? done.value : yield* reads.run(id)
    if (run.status !== "queued" && run.status !== "running") return run
    yield* Effect.sleep(glance)
  }
})

export const run = Command.make(
  "run",
  {
    channel: Argument.String("channel").pipe(Argument.withSchema(ChannelId)),
    day: Argument.String("day").pipe(
      Argument.withSchema(BillDay),
      Argument.withDescription("The day as the channel counts it, such as 2026-11-20")
    ),
    merchant: ofMerchant,
    account: Flag.String("account").pipe(
      Flag.withDescription("Of the merchant's accounts there this one, as `recon channels` lists them"),
      Flag.optional
    ),
    detach: Flag.Boolean("detach").pipe(
      Flag.withDescription("Leave it to a worker, and do not wait for the result"),
      Flag.withDefault(false)
    ),
    json
  },
  Effect.fnUntraced(function* ({ account, channel, day, detach, json, merchant }) {
    const runs = yield* Runs
    const actor = `operator:${yield* operator}`
    const asked = yield* runs.ask({ channel, day, ...given({ merchantId: merchant, account }) }, actor, yield* newRunId)
    if (detach) return yield* print(asked, { json, schema: Run }, fields({ run: asked.id, status: asked.status }))
    const done = yield* attend(asked.id, actor).pipe(
      json ? (waiting) => waiting : Effect.raceFirst(tellProgress(asked.id))
    )
    const { counts, failure, id, lines, nextAttemptAt } = done
    if (failure !== null) return yield* new RunFailed({ failure, nextAttemptAt })
    yield* print(done, { json, schema: Run }, fields({ run: id, lines, ...counts }))
  })
).pipe(
  Command.withDescription(
    "Fetch a channel's bill of a day and compare it with our records; again takes the newer bill. Tells how far it is on standard error"
  ),
  Command.withExamples([
    { command: "mall recon run wechatpay 2026-11-20" },
    { command: "mall recon run stripe 2026-11-20 --merchant 0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77 --detach" }
  ]),
  Command.provide(Services.layer)
)
