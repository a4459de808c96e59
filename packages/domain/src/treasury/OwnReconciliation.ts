import { Schema, Struct } from "effect"
import { Page, pageQuery, pageRequest } from "../kernel/Page.ts"
import { ChannelId } from "../payments/Payment.ts"
import { BillDay } from "./Bill.ts"
import { Difference, DifferenceClass, DifferenceStatus } from "./Difference.ts"
import { Run, RunStatus } from "./Run.ts"

/** A run as the merchant sees it whose account it is of: without who of the platform asked for it. */
export const OwnRun = Schema.Struct(Struct.omit(Run.fields, ["actor", "traceId"])).annotate({
  identifier: "OwnReconciliationRun"
})
export type OwnRun = typeof OwnRun.Type

/** A difference as that merchant sees it: without what the platform's people note about it. */
export const OwnDifference = Schema.Struct(Struct.omit(Difference.fields, ["assignee", "note"])).annotate({
  identifier: "OwnReconciliationDifference"
})
export type OwnDifference = typeof OwnDifference.Type

export const OwnRunPage = Page(OwnRun)
export const OwnDifferencePage = Page(OwnDifference)

const ofDay = { channel: Schema.optionalKey(ChannelId), day: Schema.optionalKey(BillDay) }
const ofRuns = { ...ofDay, status: Schema.optionalKey(RunStatus) }
const ofDifferences = {
  ...ofDay,
  class: Schema.optionalKey(DifferenceClass),
  status: Schema.optionalKey(DifferenceStatus)
}

export const runQuery = { ...pageQuery, ...ofRuns }
export const runRequest = { ...pageRequest, ...ofRuns }
export const differenceQuery = { ...pageQuery, ...ofDifferences }
export const differenceRequest = { ...pageRequest, ...ofDifferences }
