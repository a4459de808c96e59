import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Rpc, RpcGroup } from "effect/rpc"
import { Authorization, RpcAuthorization } from "../identity/Authorization.ts"
import { RequiredPermission } from "../identity/Permission.ts"
import { Idempotent } from "../kernel/Operation.ts"
import { InvalidCursor, pageQuery, pageRequest } from "../kernel/Page.ts"
import { PlainText } from "../kernel/PlainText.ts"
import { Audited } from "./Audit.ts"
import {
  Acknowledgement,
  CheckStatus,
  DoctorOrder,
  DoctorReport,
  UnknownCheck,
  Violation,
  ViolationDetails,
  ViolationId,
  ViolationNotFound,
  ViolationPage
} from "./Doctor.ts"

const describe = (summary: string, description: string) => OpenApi.annotations({ summary, description })
const id = { id: ViolationId }
const check = { check: Schema.optionalKey(PlainText(60)) }

/** What is always true, and what was found not to be. */
export class DoctorApiGroup extends HttpApiGroup.make("doctor")
  .add(
    HttpApiEndpoint.get("checks", "/", { success: Schema.Array(CheckStatus) }).annotateMerge(
      describe("List the checks", "What each makes sure of, how its last run went, and how many violations are open.")
    ),
    HttpApiEndpoint.get("violations", "/violations", {
      query: { ...pageQuery, ...check, isOpen: Schema.optionalKey(Schema.Literals(["true", "false"])) },
      success: ViolationPage,
      error: InvalidCursor
    }).annotateMerge(describe("List violations", "Newest first.")),
    HttpApiEndpoint.get("show", "/violations/:id", {
      params: id,
      success: ViolationDetails,
      error: ViolationNotFound
    }).annotateMerge(
      describe("Explain a violation", "With the events that led to it, oldest first, and their trace ids.")
    )
  )
  .annotateEndpoints(RequiredPermission, "doctor:read")
  .add(
    HttpApiEndpoint.post("run", "/runs", { payload: DoctorOrder, success: DoctorReport, error: UnknownCheck })
      .annotate(Audited, "doctor.run")
      .middleware(Idempotent)
      .annotate(RequiredPermission, "doctor:administer")
      .annotateMerge(
        describe(
          "Run checks now",
          "Without `isFull` over what changed since the last run; with `subject` over that alone. Takes its time."
        )
      ),
    HttpApiEndpoint.post("acknowledge", "/violations/:id/acknowledge", {
      params: id,
      payload: Acknowledgement,
      success: Violation,
      error: ViolationNotFound
    })
      .annotate(Audited, "violation.acknowledge")
      .middleware(Idempotent)
      .annotate(RequiredPermission, "doctor:administer")
      .annotateMerge(describe("Acknowledge a violation", "It stays open, and is not told again."))
  )
  .middleware(Authorization)
  .prefix("/api/v1/doctor")
  .annotateMerge(
    OpenApi.annotations({ title: "Doctor", description: "What is always true is checked continuously" })
  ) {}

/** The same for the operators' console. */
export class DoctorAdminRpcs extends RpcGroup.make(
  Rpc.make("admin.doctor.checks", { success: Schema.Array(CheckStatus) })
    .annotate(Audited, "nothing")
    .annotate(RequiredPermission, "doctor:read"),
  Rpc.make("admin.doctor.violations", {
    payload: { ...pageRequest, ...check, isOpen: Schema.optionalKey(Schema.Boolean) },
    success: ViolationPage,
    error: InvalidCursor
  })
    .annotate(Audited, "nothing")
    .annotate(RequiredPermission, "doctor:read"),
  Rpc.make("admin.doctor.show", { payload: id, success: ViolationDetails, error: ViolationNotFound })
    .annotate(Audited, "nothing")
    .annotate(RequiredPermission, "doctor:read"),
  Rpc.make("admin.doctor.run", { payload: DoctorOrder, success: DoctorReport, error: UnknownCheck })
    .annotate(Audited, "doctor.run")
    .annotate(RequiredPermission, "doctor:administer"),
  Rpc.make("admin.doctor.acknowledge", {
    payload: { ...id, ...Acknowledgement.fields },
    success: Violation,
    error: ViolationNotFound
  })
    .annotate(Audited, "violation.acknowledge")
    .annotate(RequiredPermission, "doctor:administer")
).middleware(RpcAuthorization) {}
