import { PayerDetails } from "@mall/domain/payments/Payment"
import type { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { nothingSealed, openRow, sealedFields, sealRow } from "@mall/platform/sealing/PersonalDataTable"
import type { PersonalDataTable } from "@mall/platform/sealing/PersonalDataTable"
import { Effect, Schema } from "effect"
import { Hex } from "effect/encoding"
import { AttemptRow } from "./PaymentRecord.ts"

/** What a way to pay had to know of the buyer. Most need nothing. */
export const sealedPayers: PersonalDataTable = {
  name: "payments.attempts",
  clear: { text: "payer::text", wipe: "payer = '{}'", where: "payer <> '{}'" }
}

const PayerText = Schema.fromJsonString(PayerDetails)
const encodePayer = Schema.encodeSync(PayerText)
const decodePayer = Schema.decodeEffect(PayerText)

/** The row as it is stored: with the payer in its column where it is of before. */
export const StoredAttempt = Schema.Struct({ ...AttemptRow.fields, ...sealedFields })

/** The same on its way there: bytes are text in JSON. */
export const SealedAttempt = Schema.Struct({
  ...AttemptRow.fields,
  personalData: Schema.NullOr(Schema.String),
  personalDataKey: Schema.NullOr(Schema.String)
})

/** What was sealed and is no payer is a defect, which does not say what it is instead. */
export const openAttempt = (keys: PersonalDataKeys["Service"]) =>
  Effect.fnUntraced(function* ({ personalData, personalDataKey, ...row }: typeof StoredAttempt.Type) {
    const text = yield* openRow(keys, sealedPayers, { id: row.id, personalData, personalDataKey })
    const payer =
      text === null
        ? row.payer
        : yield* Effect.catchTag(decodePayer(text), "SchemaError", () =>
            Effect.die(new Error(`What was sealed of the try ${row.id} is no payer`))
          )
    return new AttemptRow({ ...row, payer }, { disableChecks: true })
  })

export const sealAttempt = (keys: PersonalDataKeys["Service"], row: AttemptRow): typeof SealedAttempt.Type => {
  if (Object.keys(row.payer).length === 0) return { ...row, ...nothingSealed }
  const { personalData, personalDataKey } = sealRow(keys, sealedPayers, row.id, encodePayer(row.payer))
  return { ...row, payer: {}, personalData: `\\x${Hex.encode(personalData)}`, personalDataKey }
}
