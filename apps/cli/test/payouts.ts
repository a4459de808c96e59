import { accountCode } from "@mall/domain/ledger/Account"
import { PositiveAmount, TransferId } from "@mall/domain/ledger/Transfer"
import { Transfers } from "@mall/domain/ledger/Transfers"
import { generator } from "@mall/domain/kernel/Id"
import type { Currency } from "@mall/domain/kernel/Currency"
import { Money } from "@mall/domain/kernel/Money"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { PayoutAccountId } from "@mall/domain/treasury/PayoutAccount"
import { PayoutId } from "@mall/domain/treasury/Payouts"
import { PayoutAccounts } from "@mall/treasury/payouts/PayoutAccounts"
import { PayoutReads } from "@mall/treasury/payouts/PayoutReads"
import { PayoutSending } from "@mall/treasury/payouts/PayoutSending"
import { Withdrawals } from "@mall/treasury/payouts/Withdrawals"
import { Effect, Layer, Logger, Redacted, Schema } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import { SqlClient } from "effect/sql"
import { CommandLine } from "./CommandLine.ts"
import { SandboxProcess } from "./SandboxProcess.ts"

export const newAccountId = generator(PayoutAccountId)
export const newMerchantId = generator(MerchantId)
export const newPayoutId = generator(PayoutId)
const newTransferId = generator(TransferId)

/** Test numbers of the bank card industry and of the registry of IBANs. */
export const card = "6222 0212 3456 7890 128"
export const iban = "DE89 3704 0044 0532 0130 00"
export const olga = "operator:olga"
export const staff = "user:staff"
export const reason = "because"

export const accountOf = (currency: Currency, number: string) => ({
  ...{ currency, holder: "茶 & Tea", number: Redacted.make(number), reason },
  ...(currency === "CNY" ? { country: "CN", bankCode: "102100099996" } : { country: "DE", bic: "COBADEFFXXX" })
})

export const settled = (owner: MerchantId, currency: Currency) =>
  accountCode({ owner, kind: "settlement", detail: null, currency })
export const atBank = (currency: Currency) => accountCode({ owner: null, kind: "bank", detail: "sandbank", currency })

export const balance = (code: ReturnType<typeof settled>) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const transfers = yield* Transfers
    return yield* sql.withTransaction(transfers.available(code))
  })

/** A merchant with so much settled money. */
export const rich = Effect.fnUntraced(function* (amount: number, currency: Currency = "CNY") {
  const transfers = yield* Transfers
  const merchantId = yield* newMerchantId
  const sides = [
    { account: accountCode({ owner: merchantId, kind: "payable", detail: null, currency }), side: "debit" },
    { account: settled(merchantId, currency), side: "credit" }
  ] as const
  yield* transfers.post([
    {
      ...{ type: "single", id: yield* newTransferId, purpose: "settlement", subject: null, actor: "test", reason },
      ...{ traceId: null, legs: sides.map((leg) => ({ ...leg, amount: PositiveAmount.make(amount) })) }
    }
  ])
  return merchantId
})

/** An account that is verified and cooled off. */
export const banked = Effect.fnUntraced(function* (merchantId: MerchantId, currency: Currency = "CNY") {
  const sql = yield* SqlClient.SqlClient
  const accounts = yield* PayoutAccounts
  const id = yield* newAccountId
  yield* accounts.add(merchantId, accountOf(currency, currency === "CNY" ? card : iban), staff, id)
  yield* accounts.verify(id, reason, olga)
  yield* sql`UPDATE treasury.payout_accounts SET usable_from = now() - interval '1 hour' WHERE id = ${id}`
  return id
})

export const withdraw = Effect.fnUntraced(function* (
  merchantId: MerchantId,
  amount: number,
  currency: Currency = "CNY"
) {
  const withdrawals = yield* Withdrawals
  const id = yield* newPayoutId
  yield* withdrawals.create(merchantId, { money: Money.of(amount, currency), reason }, staff, id)
  return id
})

export const send = PayoutSending.use(({ sweep }) => sweep(50))
export const read = (id: PayoutId) => PayoutReads.use((reads) => reads.payout("all", id))
export const statusOf = (id: PayoutId) => Effect.map(read(id), ({ payout }) => payout.status)

/** All that waits is due now. */
export const makeDue = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`UPDATE treasury.payouts SET due_at = now() - interval '1 second' WHERE due_at IS NOT NULL`
})

export const control = (path: string, body?: unknown) => SandboxProcess.use((sandbox) => sandbox.control(path, body))
export const fault = (operation: string, times: number, what: Readonly<Record<string, unknown>>) =>
  control("/faults", { channel: "bank", operation, times, fault: what })
export const mode = (how: "execute" | "hold" | "reject") => control("/bank/mode", { mode: how })

const Transfer = Schema.Struct({ data: Schema.Array(Schema.Struct({ id: Schema.String, status: Schema.String })) })

/** How often the bank was told of it by its own books. */
export const transfersOf = Effect.fnUntraced(function* (id: string) {
  const { port } = yield* SandboxProcess
  const http = yield* HttpClient.HttpClient
  const response = yield* http.get(`http://127.0.0.1:${port}/control/bank/transfers`)
  const body = yield* response.json
  const { data } = yield* Schema.decodeUnknownEffect(Transfer)(body)
  return data.filter((transfer) => transfer.id === id).map(({ status }) => status)
}, Effect.provide(FetchHttpClient.layer))

export const commandLineWith = (settings: Readonly<Record<string, string>>) =>
  CommandLine.layerServices.pipe(
    Layer.provideMerge(
      Layer.unwrap(
        Effect.map(SandboxProcess, ({ dataFolder, port }) =>
          CommandLine.layerWith({
            ...{ MALL_DATA_DIR: dataFolder, SANDBOX_PORT: port, PUBLIC_URL: "http://127.0.0.1:9" },
            ...{ DOWNSTREAM_SANDBANK_MAX_ATTEMPTS: "1", DOWNSTREAM_SANDBANK_BREAKER_FAILURES: "1000", ...settings }
          })
        )
      )
    ),
    Layer.provideMerge(SandboxProcess.layer),
    Layer.provideMerge(Logger.layer([]))
  )
