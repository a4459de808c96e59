import type { UserId } from "@mall/domain/identity/CurrentUser"
import { Email, ManagedUser } from "@mall/domain/identity/User"
import type { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { sealedFields, sealRow } from "@mall/platform/sealing/PersonalDataTable"
import type { PersonalDataTable } from "@mall/platform/sealing/PersonalDataTable"
import { openParts, sealedParts } from "@mall/platform/sealing/sealedParts"
import { Effect, Schema } from "effect"

/** A user as the services of identity know them. */
export class StoredUser extends Schema.Class<StoredUser>("StoredUser")({
  ...ManagedUser.fields,
  passwordHash: Schema.NullOr(Schema.String),
  tokenVersion: Schema.Int
}) {}

const nobody = { email: null, name: null, avatarUrl: null }
type Person = { readonly [Part in keyof typeof nobody]: string | null }

/** Rows of before have the email sealed alone. */
const person = sealedParts<Person>(nobody, "email")

/** Who somebody is, is sealed, and an account found by its email in `identity.email_indexes`. */
export const sealedUsers: PersonalDataTable = {
  name: "identity.users",
  clear: {
    text: "json_build_object('email', email, 'name', name, 'avatarUrl', avatar_url)::text",
    wipe: "email = NULL, name = NULL, avatar_url = NULL",
    where: "deleted_at IS NULL AND num_nonnulls(email, name, avatar_url) > 0",
    merge: person.merge
  },
  index: { table: "identity.email_indexes", row: "user_id", of: (text) => person.read(text).email }
}

/** A row of `identity.users`: in the clear is what is of before. */
const UserRow = Schema.Struct({
  ...StoredUser.fields,
  name: Schema.NullOr(StoredUser.fields.name),
  ...sealedFields
})

const decodeRows = Schema.decodeUnknownEffect(Schema.Array(UserRow))
const decodePerson = Schema.decodeUnknownEffect(
  Schema.Struct({
    email: Schema.NullOr(Email),
    name: Schema.NullOr(StoredUser.fields.name),
    avatarUrl: StoredUser.fields.avatarUrl
  })
)

/** What the rows say, with who it is opened. What cannot be opened is a defect. */
export const openUsers = (keys: PersonalDataKeys["Service"]) => {
  const openUser = Effect.fnUntraced(function* ({ personalData, personalDataKey, ...user }: typeof UserRow.Type) {
    const row = { id: user.id, personalData, personalDataKey }
    const { avatarUrl, email, name } = yield* decodePerson(yield* openParts(keys, sealedUsers, person, row, user))
    return new StoredUser({ ...user, email, name: name ?? "", avatarUrl })
  })
  return Effect.fnUntraced(
    function* (rows: ReadonlyArray<unknown>) {
      return yield* Effect.forEach(yield* decodeRows(rows), openUser)
    },
    Effect.catchTag("SchemaError", Effect.die)
  )
}

/** The columns of a user that tell who it is. */
export const personColumns = (keys: PersonalDataKeys["Service"], id: UserId, { avatarUrl, email, name }: Person) => ({
  ...nobody,
  ...sealRow(keys, sealedUsers, id, person.text({ email, name, avatarUrl }))
})
