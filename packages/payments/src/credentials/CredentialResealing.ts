import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { Context, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { CredentialKeys } from "./CredentialKeys.ts"
import type { KeysUnusable } from "@mall/platform/sealing/KeyRing"
import { CredentialRepo } from "./CredentialRepo.ts"
import type { CredentialRow } from "./CredentialRepo.ts"

/** Rows that one transaction encrypts anew. */
const batchSize = 100

export interface Resealed {
  readonly keyId: string
  readonly resealed: number
  /** Sealed by a key that is not here, or damaged: they were left as they are. */
  readonly unreadable: number
}

/** Brings credentials under the key that encrypts now, so that the keys before it can be taken away. */
export class CredentialResealing extends Context.Service<
  CredentialResealing,
  {
    /** In batches, while servers run, for a version's adapter does not change. It can be stopped and run again. */
    readonly run: Effect.Effect<Resealed, KeysUnusable>
  }
>()("@mall/payments/credentials/CredentialResealing") {
  static readonly layerNoDeps = Layer.effect(
    CredentialResealing,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const keys = yield* CredentialKeys
      const repo = yield* CredentialRepo
      const audit = yield* makeAuditRecorder

      const reseal = Effect.fnUntraced(function* (row: CredentialRow) {
        if (row.sealed === null) return false
        const opened = yield* keys.open({ keyId: row.keyId, bytes: row.sealed }, row)
        if (Option.isNone(opened)) return false
        const { bytes, keyId } = yield* keys.seal(opened.value, row)
        yield* repo.reseal(row.id, keyId, bytes)
        return true
      })

      // after the last id of the batch before, so that what cannot be read is met once
      const batch = Effect.fnUntraced(function* (keyId: string, after: CredentialRow["id"] | null) {
        const rows = yield* repo.lockSealedOtherwise(keyId, after, batchSize)
        const done = yield* Effect.forEach(rows, reseal)
        return { last: rows.at(-1)?.id ?? null, seen: rows.length, resealed: done.filter(Boolean).length }
      }, sql.withTransaction)

      return CredentialResealing.of({
        run: Effect.gen(function* () {
          const keyId = yield* keys.currentId
          yield* audit.record({
            action: "credentials.reseal",
            resource: { type: "credential_key", id: keyId }
          })
          let total: Resealed = { keyId, resealed: 0, unreadable: 0 }
          let after: CredentialRow["id"] | null = null
          do {
            const { last, resealed, seen }: Effect.Success<ReturnType<typeof batch>> = yield* batch(keyId, after)
            total = {
              keyId,
              resealed: total.resealed + resealed,
              unreadable: total.unreadable + seen - resealed
            }
            after = last
          } while (after !== null)
          return total
        }).pipe(Effect.catchTag("SqlError", Effect.die), Effect.withSpan("CredentialResealing.run"))
      })
    })
  )
}
