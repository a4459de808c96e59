import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, layer } from "@effect/vitest"
import { generator } from "@mall/domain/kernel/Id"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { CredentialId } from "@mall/domain/payments/ChannelCredentials"
import { ChannelId } from "@mall/domain/payments/Payment"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { ConfigProvider, Context, Effect, Layer, Option, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import { randomBytes } from "node:crypto"
import { CredentialKeys } from "../../src/credentials/CredentialKeys.ts"
import { CredentialRepo } from "../../src/credentials/CredentialRepo.ts"
import { CredentialResealing } from "../../src/credentials/CredentialResealing.ts"

const newId = generator(CredentialId)
const newMerchantId = generator(MerchantId)
const stripe = ChannelId.make("stripe")

const aKey = () => randomBytes(32).toString("base64")

/** A process that has these keys, the first of which encrypts. */
const aProcess = (keys: Record<string, string>) =>
  Layer.build(
    CredentialResealing.layerNoDeps.pipe(
      Layer.provideMerge(Layer.mergeAll(CredentialKeys.layer, CredentialRepo.layer)),
      Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ CREDENTIALS_KEYS: JSON.stringify(keys) }))),
      Layer.fresh
    )
  )

/** `count` merchants' credentials, sealed as `process` seals. */
const store = Effect.fnUntraced(function* (process: Context.Context<CredentialKeys | CredentialRepo>, count: number) {
  const keys = Context.get(process, CredentialKeys)
  const repo = Context.get(process, CredentialRepo)
  const ids: Array<CredentialId> = []
  for (let index = 0; index < count; index++) {
    const row = { id: yield* newId, merchantId: yield* newMerchantId, channel: stripe, version: 1 }
    const { bytes, keyId } = yield* keys.seal(Redacted.make(`secret ${index}`), row)
    yield* repo.insert({
      ...row,
      account: `acct_${index}`,
      masked: {},
      keyId,
      sealed: bytes,
      createdAt: new Date(),
      supersededAt: null,
      retiredAt: null
    })
    ids.push(row.id)
  }
  return ids
})

const read = Effect.fnUntraced(function* (process: Context.Context<CredentialKeys | CredentialRepo>, id: CredentialId) {
  const row = Option.getOrThrow(yield* Context.get(process, CredentialRepo).find(id))
  if (row.sealed === null) return undefined
  const opened = yield* Context.get(process, CredentialKeys).open({ keyId: row.keyId, bytes: row.sealed }, row)
  return Option.getOrUndefined(Option.map(opened, Redacted.value))
})

layer(Layer.mergeAll(TestDatabase, NodeServices.layer), { excludeTestServices: true })("CredentialResealing", (it) => {
  it.effect("brings all under the new key, so that the former can go, also where two run it at once", () =>
    Effect.gen(function* () {
      const [older, newer] = [aKey(), aKey()]
      const ids = yield* store(yield* aProcess({ k1: older }), 250)
      const both = yield* aProcess({ k2: newer, k1: older })
      const { run } = Context.get(both, CredentialResealing)
      const results = yield* Effect.all([run, run], { concurrency: "unbounded" })
      assert.strictEqual(
        results.reduce((sum, { resealed }) => sum + resealed, 0),
        250
      )
      assert.deepStrictEqual(yield* run, { keyId: "k2", resealed: 0, unreadable: 0 })
      const after = yield* aProcess({ k2: newer })
      for (const [index, id] of ids.entries()) assert.strictEqual(yield* read(after, id), `secret ${index}`)
    })
  )

  it.effect("leaves what it cannot read as it is, and says how many those are", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      yield* sql`DELETE FROM payments.channel_credentials`
      const [lost, newer] = [aKey(), aKey()]
      const [orphan] = yield* store(yield* aProcess({ gone: lost }), 1)
      const known = yield* aProcess({ k1: aKey() })
      const [damaged] = yield* store(known, 1)
      assert.isDefined(orphan)
      yield* sql`UPDATE payments.channel_credentials SET sealed = sealed || '\\x00' WHERE id = ${damaged ?? null}`
      const process = yield* aProcess({ k2: newer })
      const { run } = Context.get(process, CredentialResealing)
      assert.deepStrictEqual(yield* run, { keyId: "k2", resealed: 0, unreadable: 2 })
      assert.strictEqual(yield* read(yield* aProcess({ k2: newer, gone: lost }), orphan), "secret 0")
    })
  )
})
