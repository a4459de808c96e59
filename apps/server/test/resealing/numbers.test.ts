import { assert, layer } from "@effect/vitest"
import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { PersonalDataSealing } from "@mall/platform/sealing/PersonalDataSealing"
import { openRow, sealedFields, sealRow } from "@mall/platform/sealing/PersonalDataTable"
import { SealedData } from "@mall/platform/sealing/SealedData"
import * as SealedTables from "@mall/platform/sealing/SealedTables"
import * as Sql from "@mall/platform/Sql"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { payoutAccountNumbers } from "@mall/treasury/payouts/accountNumbers"
import * as PayoutServices from "@mall/treasury/payouts/PayoutServices"
import { ConfigProvider, Context, Effect, Layer, Schema } from "effect"
import { SqlClient, SqlSchema } from "effect/sql"
import { randomBytes } from "node:crypto"

const newId = generator(Uuid7.pipe(Schema.brand("Any")))
const Row = Schema.Struct({ id: Schema.String, ...sealedFields })

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

layer(Test, { excludeTestServices: true, timeout: "60 seconds" })("The numbers of pay-out accounts", (it) => {
  it.effect("are sealed anew under the key of now, after which the former one is not needed", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const [k1, k2] = [randomBytes(32).toString("base64"), randomBytes(32).toString("base64")]
      const before = Context.get(yield* aProcess({ k1 }), PersonalDataKeys)
      for (const number of ["6222020000000001", "6222020000000002"]) {
        const id = yield* newId
        const { personalData, personalDataKey } = sealRow(before, payoutAccountNumbers, id, number)
        yield* sql`
          INSERT INTO treasury.payout_accounts (id, merchant_id, currency, country, holder, masked_number, personal_data,
            personal_data_key, status, added_by, created_at)
          VALUES (${id}, ${yield* newId}, 'CNY', 'CN', ${number}, '••1', ${personalData}, ${personalDataKey}, 'unverified', 'test',
            now())`
      }
      const rotating = Context.get(yield* aProcess({ k2, k1 }), PersonalDataSealing)
      const table = "treasury.payout_accounts"
      assert.deepStrictEqual(yield* rotating.status, [{ table, keyId: "k1", rows: 2, state: "former" }])
      assert.deepStrictEqual(yield* rotating.rotate("yearly"), { keyId: "k2", sealed: 2, unreadable: 0 })
      assert.deepStrictEqual(yield* rotating.status, [{ table, keyId: "k2", rows: 2, state: "current" }])

      const after = Context.get(yield* aProcess({ k2 }), PersonalDataKeys)
      const rows = yield* SqlSchema.findAll({
        Request: Schema.Void,
        Result: Schema.Struct({ holder: Schema.String, ...Row.fields }),
        execute: () => sql`SELECT id, holder, personal_data, personal_data_key FROM treasury.payout_accounts`
      })()
      for (const row of rows) assert.strictEqual(yield* openRow(after, payoutAccountNumbers, row), row.holder)
    })
  )
})
