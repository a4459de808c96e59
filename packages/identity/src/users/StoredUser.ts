import type { UserId } from "@mall/domain/identity/CurrentUser"
import { Email, ManagedUser } from "@mall/domain/identity/User"
import type { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { openRow, sealedFields, sealRow } from "@mall/platform/sealing/PersonalDataTable"
import type { PersonalDataTable } from "@mall/platform/sealing/PersonalDataTable"
import { Effect, Schema } from "effect"

/** A user as the services of identity know them. */
export class StoredUser extends Schema.Class<StoredUser>("StoredUser")({
  ...ManagedUser.fields,
  passwordHash: Schema.NullOr(Schema.String),
  tokenVersion: Schema.Int
}) {}

/** The email is sealed, and an account found by it in `identity.email_indexes`. */
export const userEmails: PersonalDataTable = {
  name: "identity.users",
  clear: { text: "email", wipe: "email = NULL" },
  index: { table: "identity.email_indexes", row: "user_id" }
}

/** A row of `identity.users`: with the email in its column where it is of before. */
const UserRow = Schema.Struct({ ...StoredUser.fields, ...sealedFields })

const decodeRows = Schema.decodeUnknownEffect(Schema.Array(UserRow))
const decodeEmail = Schema.decodeEffect(Email)

/** What the rows say, with their emails opened. What cannot be opened is a defect. */
export const openUsers = (keys: PersonalDataKeys["Service"]) => {
  const openUser = Effect.fnUntraced(function* ({ personalData, personalDataKey, ...user }: typeof UserRow.Type) {
    const text = yield* openRow(keys, userEmails, { id: user.id, personalData, personalDataKey })
    return new StoredUser({ ...user, email: text === null ? user.email : yield* decodeEmail(text) })
  })
  return Effect.fnUntraced(
    function* (rows: ReadonlyArray<unknown>) {
      return yield* Effect.forEach(yield* decodeRows(rows), openUser)
    },
    Effect.catchTag("SchemaError", Effect.die)
  )
}

/** The columns of a user that hold the email. */
export const emailColumns = (keys: PersonalDataKeys["Service"], id: UserId, email: Email) => ({
  email: null,
  ...sealRow(keys, userEmails, id, email)
})
