import { PayoutAccount } from "@mall/domain/treasury/PayoutAccount"
import type { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { sealedFields, sealRow } from "@mall/platform/sealing/PersonalDataTable"
import type { PersonalDataTable } from "@mall/platform/sealing/PersonalDataTable"
import { openParts, sealedParts } from "@mall/platform/sealing/sealedParts"
import { Effect, Redacted, Schema } from "effect"

const nothing = { number: null, holder: null }

/** Rows of before have the number sealed alone; it never stood in the clear. */
const parts = sealedParts<{ readonly [Part in keyof typeof nothing]: string | null }>(nothing, "number")

/** The numbers of bank accounts, and whose they are. */
export const sealedAccounts: PersonalDataTable = {
  name: "treasury.payout_accounts",
  clear: {
    text: "json_build_object('holder', holder)::text",
    wipe: "holder = NULL",
    where: "holder IS NOT NULL",
    merge: parts.merge
  }
}

/** An account with its number. */
export interface OpenedAccount {
  readonly account: PayoutAccount
  readonly number: Redacted.Redacted
}

const StoredAccount = Schema.Struct({
  ...PayoutAccount.fields,
  holder: Schema.NullOr(PayoutAccount.fields.holder),
  ...sealedFields
})

const decodeRows = Schema.decodeUnknownEffect(Schema.Array(StoredAccount))

/** What rows of `treasury.payout_accounts` say. What cannot be opened is a defect. */
export const openAccounts = (keys: PersonalDataKeys["Service"]) => {
  const open = Effect.fnUntraced(function* ({ personalData, personalDataKey, ...row }: typeof StoredAccount.Type) {
    const sealed = { id: row.id, personalData, personalDataKey }
    const { holder, number } = yield* openParts(keys, sealedAccounts, parts, sealed, { holder: row.holder })
    if (number === null || holder === null) {
      return yield* Effect.die(new Error(`The account ${row.id} has no number or no holder`))
    }
    const opened: OpenedAccount = {
      account: new PayoutAccount({ ...row, holder }),
      number: Redacted.make(number, { label: "account number" })
    }
    return opened
  })
  return Effect.fnUntraced(
    function* (rows: ReadonlyArray<unknown>) {
      return yield* Effect.forEach(yield* decodeRows(rows), open)
    },
    Effect.catchTag("SchemaError", Effect.die)
  )
}

/** The columns of an account. */
export const accountColumns = (keys: PersonalDataKeys["Service"], { account, number }: OpenedAccount) => {
  const { holder, ...row } = account
  const text = parts.text({ number: Redacted.value(number), holder })
  return { ...row, holder: null, ...sealRow(keys, sealedAccounts, row.id, text) }
}
