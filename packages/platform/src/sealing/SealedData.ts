import { Context, Effect, Layer, Schema } from "effect"
import type { Scope } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import type { PersonalDataKeys } from "./PersonalDataKeys.ts"

/** How many rows of a table are under one key; `keyId` is null for those in the clear. */
export const SealedCount = Schema.Struct({
  table: Schema.String,
  keyId: Schema.NullOr(Schema.String),
  rows: Schema.Int,
  state: Schema.Literals(["current", "former", "missing", "clear"])
})
export type SealedCount = typeof SealedCount.Type

/** Something that is sealed by `PersonalDataKeys`, whoever keeps it and wherever. */
export interface SealedPart {
  /**
   * Seals up to `limit` of it anew that is under a former key, and answers how many. What cannot be opened is logged once, and left.
   * Any number of processes may do so at once, while servers run, and may be stopped.
   */
  sweep(limit: number): Effect.Effect<number, SqlError>
  /** Counts every row. */
  readonly status: Effect.Effect<ReadonlyArray<SealedCount>, SqlError>
}

/** All that is sealed: each context registers its own, over the connections that may reach it. */
export class SealedData extends Context.Service<
  SealedData,
  {
    register(part: SealedPart): Effect.Effect<void, never, Scope.Scope>
    parts(): ReadonlyArray<SealedPart>
  }
>()("@mall/platform/sealing/SealedData") {
  static readonly layer = Layer.sync(SealedData, () => {
    const known = new Set<SealedPart>()
    return SealedData.of({
      register: (part) =>
        Effect.asVoid(
          Effect.acquireRelease(
            Effect.sync(() => known.add(part)),
            () => Effect.sync(() => known.delete(part))
          )
        ),
      parts: () => [...known]
    })
  })
}

/** What stands under a key, by what the process has. */
export const sealedCount = (
  keys: PersonalDataKeys["Service"],
  table: string,
  { keyId, rows }: { readonly keyId: string; readonly rows: number }
): SealedCount => {
  if (keyId === "") return { table, keyId: null, rows, state: "clear" }
  const state = keyId === keys.currentId ? "current" : keys.ids.includes(keyId) ? "former" : "missing"
  return { table, keyId, rows, state }
}

/** A row of `SELECT key_id, count(*) AS rows`. */
export const KeyCount = Schema.Struct({ keyId: Schema.String, rows: Schema.Int })
