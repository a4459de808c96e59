import { CurrentUser } from "@mall/domain/identity/CurrentUser"
import { MallApi } from "@mall/domain/MallApi"
import type { DoctorOrder, ViolationId } from "@mall/domain/operations/Doctor"
import { DoctorAdminRpcs } from "@mall/domain/operations/DoctorApi"
import { Effect } from "effect"
import { makeAuditRecorder } from "../audit/AuditRecorder.ts"
import * as ApiGroup from "../http/apiGroup.ts"
import { Doctor } from "./Doctor.ts"

/** What people ask of the doctor is kept; the sweeps ask the service itself. */
const acts = Effect.gen(function* () {
  const doctor = yield* Doctor
  const audit = yield* makeAuditRecorder
  return {
    doctor,
    run: Effect.fnUntraced(function* (order: DoctorOrder) {
      const report = yield* doctor.run(order)
      const resource = { type: "check", id: order.check ?? "all" }
      const { subject } = order
      const about = subject === undefined ? {} : { after: { subject } }
      yield* Effect.orDie(audit.record({ action: "doctor.run", resource, ...about }))
      return report
    }),
    acknowledge: (id: ViolationId, reason: string) =>
      CurrentUser.use(({ userId }) => doctor.acknowledge(id, reason, `user:${userId}`))
  }
})

/** Serves the group `doctor`. Needs `Doctor`, `SqlClient` and the middlewares. */
export const httpLayer = ApiGroup.group(
  MallApi,
  "doctor",
  Effect.fnUntraced(function* (handlers) {
    const { acknowledge, doctor, run } = yield* acts
    return handlers.handleAll({
      checks: () => doctor.checks,
      violations: ({ query: { isOpen, ...filter } }) =>
        doctor.violations(isOpen === undefined ? filter : { ...filter, isOpen: isOpen === "true" }),
      show: ({ params }) => doctor.show(params.id),
      run: ({ payload }) => run(payload),
      acknowledge: ({ params, payload }) => acknowledge(params.id, payload.reason)
    })
  })
)

/** Serves `DoctorAdminRpcs`. Needs `Doctor` and `SqlClient`. */
export const rpcLayer = DoctorAdminRpcs.toLayer(
  Effect.map(acts, ({ acknowledge, doctor, run }) =>
    DoctorAdminRpcs.of({
      "admin.doctor.checks": () => doctor.checks,
      "admin.doctor.violations": (filter) => doctor.violations(filter),
      "admin.doctor.show": ({ id }) => doctor.show(id),
      "admin.doctor.run": (order) => run(order),
      "admin.doctor.acknowledge": ({ id, reason }) => acknowledge(id, reason)
    })
  )
)
