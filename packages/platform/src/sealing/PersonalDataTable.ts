import { Effect, Schema } from "effect"
import type { PersonalDataKeys } from "./PersonalDataKeys.ts"

/** The column that holds what is sealed, of every table that has any; `personal_data_key` names the key. */
const column = "personal_data"

/**
 * A table whose rows have personal data sealed in `personal_data bytea`, under the key that `personal_data_key text` names: `''`
 * while it is still in the clear, null where there is none. An index on `personal_data_key` finds what is to be sealed anew.
 */
export interface PersonalDataTable {
  /** `schema.table`; its key is `id uuid`. */
  readonly name: `${string}.${string}`
  /** Of a table whose rows may be in the clear. */
  readonly clear?: {
    /** SQL: the text to seal of a row that is in the clear, or null. */
    readonly text: string
    /** SQL: assignments that take it out of the row. */
    readonly wipe: string
    /**
     * SQL: whether a row has anything in the clear, even one that has something sealed. Where it is not said, that is what the key
     * `''` says. A partial index has to have this very condition.
     */
    readonly where?: string
    /** What is sealed of a row that has something sealed already, or nothing, and something in the clear. */
    readonly merge?: (sealed: string | null, clear: string) => string
  }
  /** Of a table whose rows are looked for by what is sealed, and have it for themselves. */
  readonly index?: TableIndex
  /** Of a table whose rows are looked for by what is sealed, and may have it together with others. */
  readonly digest?: RowDigest
}

/**
 * A column of a row, under the key of that row, which is the digest of a part of what is sealed, by the purpose
 * `<table>.<column>`; null where there is no such part. Who looks for it asks for the digests under all keys.
 */
export interface RowDigest {
  readonly column: string
  readonly of: (text: string) => string | null
}

export const purposeOf = (table: PersonalDataTable["name"], { column }: RowDigest) => `${table}.${column}`

/**
 * The table that a sealed row is found in: `digest bytea`, its key, by which two rows of the same text collide; `key_id text`, the key
 * that the digest was made with, with an index; and the row's id in `row`. A row has an entry for each key of who wrote it, and
 * always one for the key that it is sealed under: whoever can open it, finds it.
 */
export interface TableIndex {
  readonly table: `${string}.${string}`
  readonly row: string
  /** The part of what is sealed that is looked for; all of it, where nothing else is said. */
  readonly of?: (text: string) => string | null
}

/** The columns as they are read. */
export const sealedFields = {
  personalData: Schema.NullOr(Schema.Uint8Array),
  personalDataKey: Schema.NullOr(Schema.String)
}

export interface SealedRow {
  readonly id: string
  readonly personalData: Uint8Array | null
  readonly personalDataKey: string | null
}

/** The columns as they are written. */
export const sealRow = (keys: PersonalDataKeys["Service"], { name }: PersonalDataTable, id: string, text: string) => {
  const { bytes, keyId } = keys.seal(text, { table: name, column, id })
  return { personalData: bytes, personalDataKey: keyId }
}

/** The columns where there is nothing to seal. */
export const nothingSealed = { personalData: null, personalDataKey: null }

/** The text that was sealed; null where the row has none, or still has it in the clear. What cannot be opened is a defect. */
export const openRow = (
  keys: PersonalDataKeys["Service"],
  { name }: PersonalDataTable,
  { id, personalData, personalDataKey }: SealedRow
): Effect.Effect<string | null> =>
  personalData === null || personalDataKey === null
    ? Effect.succeed(null)
    : keys.open({ keyId: personalDataKey, bytes: personalData }, { table: name, column, id }).pipe(
        Effect.map((bytes) => bytes.toString()),
        Effect.orDie
      )
