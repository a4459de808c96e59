import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Authorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { Idempotent } from "../kernel/Operation.ts"
import { Audited } from "../operations/Audit.ts"
import { InvalidCursor, pageQuery } from "../kernel/Page.ts"
import { MerchantId } from "../merchants/Merchant.ts"
import { ChannelId } from "../payments/Payment.ts"
import { BillDay } from "./Bill.ts"
import { ChannelFee, NewChannelFee } from "./ChannelFee.ts"
import {
  Assignment,
  Decision,
  DifferenceClass,
  DifferenceDetails,
  DifferenceId,
  DifferencePage,
  DifferenceStatus,
  NewCorrection
} from "./Difference.ts"
import {
  approvalErrors,
  DifferenceNotFound,
  DifferenceNotOpen,
  draftErrors,
  ResolutionRulesChanged,
  runErrors,
  RunNotFound
} from "./ReconciliationError.ts"
import { ReconciliationReport } from "./ReconciliationReport.ts"
import { RuleChange, RuleSet } from "./Rule.ts"
import { NewRun, ReconciliationChannel, Run, RunDetails, RunId, RunPage, RunStatus } from "./Run.ts"

const describe = (summary: string, description: string) => OpenApi.annotations({ summary, description })
const id = { id: DifferenceId }
const ofMerchant = { merchantId: Schema.optionalKey(MerchantId) }
const ofChannel = { ...ofMerchant, channel: Schema.optionalKey(ChannelId), day: Schema.optionalKey(BillDay) }
const settleErrors = [DifferenceNotFound, DifferenceNotOpen] as const
const administers = "reconciliation:administer"
const approves = "reconciliation:approve"

/** A run that a worker sees to, and where to look at it. */
const AcceptedRun = Run.pipe(
  HttpApiSchema.encodeToWithHeaders(
    { body: Run.pipe(HttpApiSchema.status(202)), headers: { location: Schema.String } },
    {
      decode: ({ body }) => body,
      encode: (run) => ({ body: run, headers: { location: `/api/v1/reconciliation/runs/${run.id}` } })
    }
  )
)

/** The channels' bills beside our records, for admins. */
export class ReconciliationApiGroup extends HttpApiGroup.make("reconciliation")
  .add(
    HttpApiEndpoint.get("channels", "/channels", {
      query: ofMerchant,
      success: Schema.Array(ReconciliationChannel)
    }).annotateMerge(
      describe(
        "List the channels and their bills",
        "Of the platform's accounts, also those without a bill, with the reason; or of a merchant's own."
      )
    ),
    HttpApiEndpoint.get("runs", "/runs", {
      query: { ...pageQuery, ...ofChannel, status: Schema.optionalKey(RunStatus) },
      success: RunPage,
      error: InvalidCursor
    }).annotateMerge(describe("List runs", "Newest first.")),
    HttpApiEndpoint.get("show", "/runs/:id", {
      params: { id: RunId },
      success: RunDetails,
      error: RunNotFound
    }).annotateMerge(
      describe("Read a run", "With its figures, its progress while it runs, and its history; amounts are minor units.")
    ),
    HttpApiEndpoint.get("differences", "/differences", {
      query: {
        ...{ ...pageQuery, ...ofChannel, class: Schema.optionalKey(DifferenceClass) },
        status: Schema.optionalKey(DifferenceStatus)
      },
      success: DifferencePage,
      error: InvalidCursor
    }).annotateMerge(describe("List differences", "Newest first.")),
    HttpApiEndpoint.get("difference", "/differences/:id", {
      params: id,
      success: DifferenceDetails,
      error: DifferenceNotFound
    }).annotateMerge(
      describe("Read a difference", "With the correction that is proposed, those that were drafted, and its history.")
    ),
    HttpApiEndpoint.get("report", "/report", {
      query: { ...ofMerchant, from: BillDay, to: BillDay },
      success: ReconciliationReport
    }).annotateMerge(
      describe(
        "Read the report",
        "Results from a day to another, and what is unresolved by age, of the platform or a merchant."
      )
    ),
    HttpApiEndpoint.get("rules", "/rules", { success: RuleSet }).annotateMerge(
      describe("Read the rules", "By which differences resolve themselves.")
    ),
    HttpApiEndpoint.get("fees", "/fees", { success: Schema.Array(ChannelFee) }).annotateMerge(
      describe("List what channels charge", "By which the fees of bills are compared; also rules of before.")
    )
  )
  .annotateEndpoints(RequiredPermission, "reconciliation:read")
  .add(
    HttpApiEndpoint.put("setRules", "/rules", { payload: RuleChange, success: RuleSet, error: ResolutionRulesChanged })
      .annotate(Audited, "resolution_rules.put")
      .annotateMerge(describe("Change the rules", "Names the version that was looked at; every version is kept."))
      .annotate(RequiredPermission, administers),
    HttpApiEndpoint.post("addFee", "/fees", { payload: NewChannelFee, success: ChannelFee })
      .annotate(Audited, "channel_fee.add")
      .middleware(Idempotent)
      .annotateMerge(
        describe("Say what a channel charges", "From a time on; a rule that is there stays as it is until then.")
      )
      .annotate(RequiredPermission, administers),
    HttpApiEndpoint.post("run", "/runs", { payload: NewRun, success: AcceptedRun, error: runErrors })
      .annotate(Audited, "reconciliation.run")
      .middleware(Idempotent)
      .annotateMerge(
        describe(
          "Reconcile a day",
          "A worker fetches the channel's bill and compares; `Location` tells how far it is. Where the day is being reconciled, or waits to be, that run is answered. A later bill replaces the former result."
        )
      )
      .annotate(RequiredPermission, administers),
    HttpApiEndpoint.put("assign", "/differences/:id/assignment", {
      params: id,
      payload: Assignment,
      success: DifferenceDetails,
      error: settleErrors
    })
      .annotate(Audited, "difference.assign")
      .annotateMerge(describe("Assign a difference", "And say what is known so far."))
      .annotate(RequiredPermission, administers),
    HttpApiEndpoint.post("resolve", "/differences/:id/resolve", {
      params: id,
      payload: Decision,
      success: DifferenceDetails,
      error: settleErrors
    })
      .annotate(Audited, "difference.resolve")
      .middleware(Idempotent)
      .annotateMerge(describe("Resolve a difference", "Without a movement in the books."))
      .annotate(RequiredPermission, administers),
    HttpApiEndpoint.post("draft", "/differences/:id/correction", {
      params: id,
      payload: NewCorrection,
      success: DifferenceDetails,
      error: draftErrors
    })
      .annotate(Audited, "difference.draft")
      .middleware(Idempotent)
      .annotateMerge(describe("Draft a correction", "Nothing is posted before a second person approves."))
      .annotate(RequiredPermission, administers),
    HttpApiEndpoint.post("approve", "/differences/:id/correction/approve", {
      params: id,
      payload: Decision,
      success: DifferenceDetails,
      error: approvalErrors
    })
      .annotate(Audited, "difference.approve")
      .middleware(Idempotent)
      .annotateMerge(describe("Approve a correction", "Posts it to the books. Not by who drafted it."))
      .annotate(RequiredPermission, approves),
    HttpApiEndpoint.post("reject", "/differences/:id/correction/reject", {
      params: id,
      payload: Decision,
      success: DifferenceDetails,
      error: settleErrors
    })
      .annotate(Audited, "difference.reject")
      .middleware(Idempotent)
      .annotateMerge(describe("Reject a correction", "The difference is open again."))
      .annotate(RequiredPermission, approves)
  )
  .middleware(Authorization)
  .prefix("/api/v1/reconciliation")
  .annotateMerge(
    OpenApi.annotations({ title: "Reconciliation", description: "The channels' bills beside our records" })
  ) {}
