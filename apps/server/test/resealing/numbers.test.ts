import { assert, layer } from "@effect/vitest"
import { generator } from "@mall/domain/kernel/Id"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { PayoutAccount, PayoutAccountId } from "@mall/domain/treasury/PayoutAccount"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { PersonalDataSealing } from "@mall/platform/sealing/PersonalDataSealing"
import { sealRow } from "@mall/platform/sealing/PersonalDataTable"
import { SealedData } from "@mall/platform/sealing/SealedData"
import * as SealedTables from "@mall/platform/sealing/SealedTables"
import * as Sql from "@mall/platform/Sql"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import * as PayoutServices from "@mall/treasury/payouts/PayoutServices"
import { accountColumns, openAccounts, sealedAccounts } from "@mall/treasury/payouts/sealedAccounts"
import { ConfigProvider, Context, Effect, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { randomBytes } from "node:crypto"

const newId = generator(PayoutAccountId)

/** The pay platform with its rights, for processes that have different keys. */
const Test = Layer.unwrap(Effect.map(acquireDatabase, (url) => Sql.layerUrl(url, { role: "mall_pay" })))

const aProcess = (keys: Readonly<Record<string, string>>) =>
  Layer.build(
    Layer.mergeAll(
      PersonalDataSealing.layer,
      SealedTables.layer(PayoutServices.personalDataTables),
      PersonalDataKeys.layer
    ).pipe(
      Layer.provide(SealedData.layer),
      Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ PERSONAL_DATA_KEYS: JSON.stringify(keys) }))),
      Layer.fresh
    )
  )

const AllAccounts = SqlClient.SqlClient.use(
  (sql) => sql`SELECT * FROM treasury.payout_accounts ORDER BY masked_number, id`
)

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("Pay-out accounts", (it) => {
  it.effect("are sealed anew under the key of now, after which the former one is not needed", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const [k1, k2] = [randomBytes(32).toString("base64"), randomBytes(32).toString("base64")]
      const before = Context.get(yield* aProcess({ k1 }), PersonalDataKeys)
      const of = Effect.fnUntraced(function* (number: string) {
        const id = yield* newId
        const account = new PayoutAccount({
          ...{ id, merchantId: MerchantId.make(yield* newId), currency: "CNY", country: "CN", holder: `Ann ${number}` },
          ...{ maskedNumber: "***1", bankCode: null, bic: null, status: "unverified", addedBy: "test" },
          ...{ verifiedBy: null, usableFrom: null, endedAt: null, createdAt: new Date(0) }
        })
        return { account, number: Redacted.make(number, { label: "account number" }) }
      })
      const [earlier, later] = [yield* of("6222020000000001"), yield* of("6222020000000002")]
      yield* sql`INSERT INTO treasury.payout_accounts ${sql.insert(accountColumns(before, later))}`
      // of before: the number sealed alone, and the holder in the clear
      const alone = sealRow(before, sealedAccounts, earlier.account.id, Redacted.value(earlier.number))
      yield* sql`INSERT INTO treasury.payout_accounts ${sql.insert({ ...earlier.account, ...alone })}`
      const asKept = [earlier, later]
      assert.deepStrictEqual(yield* Effect.flatMap(AllAccounts, openAccounts(before)), asKept)

      const rotating = Context.get(yield* aProcess({ k2, k1 }), PersonalDataSealing)
      const table = "treasury.payout_accounts"
      assert.deepStrictEqual(yield* rotating.status, [
        { table, keyId: null, rows: 1, state: "clear" },
        { table, keyId: "k1", rows: 1, state: "former" }
      ])
      assert.deepStrictEqual(yield* rotating.rotate("yearly"), { keyId: "k2", sealed: 2, unreadable: 0 })
      assert.deepStrictEqual(yield* rotating.status, [{ table, keyId: "k2", rows: 2, state: "current" }])

      const after = Context.get(yield* aProcess({ k2 }), PersonalDataKeys)
      assert.notInclude(JSON.stringify(yield* AllAccounts), "Ann")
      assert.sameDeepMembers(yield* Effect.flatMap(AllAccounts, openAccounts(after)), asKept)
    })
  )
})
