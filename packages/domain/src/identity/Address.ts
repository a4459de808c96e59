import { Schema } from "effect"
import { AddressId, PostalAddress } from "./AddressBook.ts"

/** One entry of a user's address book. At most one is the default. */
export const Address = Schema.Struct({
  id: AddressId,
  ...PostalAddress.fields,
  isDefault: Schema.Boolean,
  createdAt: Schema.Date
}).annotate({ identifier: "Address" })
export type Address = typeof Address.Type

/** The first address of a book is its default whatever `isDefault` says. */
export const AddressInput = Schema.Struct({
  ...PostalAddress.fields,
  isDefault: Schema.optionalKey(Schema.Boolean)
}).annotate({ identifier: "AddressInput" })
export type AddressInput = typeof AddressInput.Type
