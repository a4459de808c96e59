import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Authorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { InvalidCursor } from "../kernel/Page.ts"
import { DifferenceId } from "./Difference.ts"
import { differenceQuery, OwnDifference, OwnDifferencePage, OwnRun, OwnRunPage, runQuery } from "./OwnReconciliation.ts"
import { NotStaff } from "./PayoutError.ts"
import { DifferenceNotFound, RunNotFound } from "./ReconciliationError.ts"
import { RunId } from "./Run.ts"

/** The bills of a merchant's own accounts beside our records, for that merchant. */
export class OwnReconciliationApiGroup extends HttpApiGroup.make("ownReconciliation")
  .add(
    HttpApiEndpoint.get("runs", "/runs", {
      query: runQuery,
      success: OwnRunPage,
      error: [NotStaff, InvalidCursor]
    }).annotateMerge(OpenApi.annotations({ summary: "List runs over own accounts", description: "Newest first." })),
    HttpApiEndpoint.get("run", "/runs/:id", {
      params: { id: RunId },
      success: OwnRun,
      error: [NotStaff, RunNotFound]
    }).annotateMerge(
      OpenApi.annotations({ summary: "Read a run over an own account", description: "Amounts are minor units." })
    ),
    HttpApiEndpoint.get("differences", "/differences", {
      query: differenceQuery,
      success: OwnDifferencePage,
      error: [NotStaff, InvalidCursor]
    }).annotateMerge(
      OpenApi.annotations({ summary: "List differences of own accounts", description: "Newest first." })
    ),
    HttpApiEndpoint.get("difference", "/differences/:id", {
      params: { id: DifferenceId },
      success: OwnDifference,
      error: [NotStaff, DifferenceNotFound]
    }).annotateMerge(
      OpenApi.annotations({
        summary: "Read a difference of an own account",
        description: "What the bill and our records say of one movement; amounts are minor units."
      })
    )
  )
  .annotateEndpoints(RequiredPermission, "reconciliation:own")
  .middleware(Authorization)
  .prefix("/api/v1/merchant/reconciliation")
  .annotateMerge(
    OpenApi.annotations({
      title: "Own reconciliation",
      description: "The bills of a merchant's own accounts beside our records"
    })
  ) {}
