import { AccountCode } from "@mall/domain/ledger/Account"
import { PositiveAmount, TransferId } from "@mall/domain/ledger/Transfer"
import { generator } from "@mall/domain/kernel/Id"
import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { drive, Mall, nothingFrom } from "./auditedMall.ts"

const newTransferId = generator(TransferId)
const account = AccountCode.make("platform:wallet:audited:CNY")

/** What operators do with the doctor and with frozen accounts. */
export const driveDoctor = Effect.gen(function* () {
  const { admin } = yield* Mall
  const sql = yield* SqlClient.SqlClient
  const rpc = admin.admin
  const amount = PositiveAmount.make(5)
  yield* rpc["admin.ledger.adjust"]({
    id: yield* newTransferId,
    legs: [
      { account: AccountCode.make("platform:adjustments:CNY"), side: "debit", amount },
      { account, side: "credit", amount }
    ],
    reason: "to be frozen"
  })
  const params = { id: (yield* rpc["admin.ledger.account"]({ account })).id }
  const payload = { reason: "looks odd" }
  const asked = { account, reason: "looks odd" }
  yield* drive("POST /api/v1/ledger/accounts/:id/freeze", admin, admin.mall.ledger.freeze({ params, payload }))
  yield* nothingFrom("what is frozen already", rpc["admin.ledger.freeze"](asked))
  yield* drive("POST /api/v1/ledger/accounts/:id/thaw", admin, admin.mall.ledger.thaw({ params, payload }))
  yield* nothingFrom("what is not frozen", rpc["admin.ledger.thaw"](asked))
  yield* drive("rpc admin.ledger.freeze", admin, rpc["admin.ledger.freeze"](asked))
  yield* drive("rpc admin.ledger.thaw", admin, rpc["admin.ledger.thaw"](asked))

  for (const id of ["one", "two"]) {
    yield* sql`
      INSERT INTO outbox (id, queue_name, element, state, attempts, last_failure, visible_at, created_at, updated_at)
      VALUES (${`doctor-${id}`}, 'doctored', '{"message":1}', 'failed', 10, 'no', NOW(), NOW(), NOW())`
  }
  const order = { check: "messages", isFull: true }
  yield* drive("POST /api/v1/doctor/runs", admin, admin.mall.doctor.run({ payload: order }))
  yield* drive("rpc admin.doctor.run", admin, rpc["admin.doctor.run"](order))
  yield* nothingFrom("a check that is not", rpc["admin.doctor.run"]({ check: "nothing" }))
  const open = (yield* rpc["admin.doctor.violations"]({ check: "messages", isOpen: true })).data
  const [one, two] = open.filter(({ subject }) => subject.id.startsWith("doctored/"))
  yield* drive(
    "POST /api/v1/doctor/violations/:id/acknowledge",
    admin,
    admin.mall.doctor.acknowledge({ params: { id: one!.id }, payload: { reason: "known" } })
  )
  const known = { id: two!.id, reason: "known" }
  yield* drive("rpc admin.doctor.acknowledge", admin, rpc["admin.doctor.acknowledge"](known))
  yield* nothingFrom("what is acknowledged already", rpc["admin.doctor.acknowledge"](known))
})
