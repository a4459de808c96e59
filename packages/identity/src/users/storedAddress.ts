import { Address } from "@mall/domain/identity/Address"
import { AddressId } from "@mall/domain/identity/AddressBook"
import type { PostalAddress } from "@mall/domain/identity/AddressBook"
import { Contact, contactText, parseContact, Place, placeOf } from "@mall/domain/identity/AddressParts"
import { UserId } from "@mall/domain/identity/CurrentUser"
import type { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { openRow, sealedFields, sealRow } from "@mall/platform/sealing/PersonalDataTable"
import type { PersonalDataTable, SealedRow } from "@mall/platform/sealing/PersonalDataTable"
import { Effect, Schema, Struct } from "effect"

/** The place is a row's own; the contact is sealed. */
export const addressContacts: PersonalDataTable = {
  name: "identity.addresses",
  clear: {
    text: `json_build_object(
      'recipient', recipient, 'phone', phone, 'street', street, 'postalCode', postal_code
    )::text`,
    wipe: "recipient = NULL, phone = NULL, street = NULL, postal_code = NULL"
  }
}

const contactColumns = Struct.map(Contact.fields, Schema.NullOr)

/** A row as it is stored: with the contact in its columns where it is of before. */
export const StoredAddress = Schema.Struct({ ...Address.fields, userId: UserId, ...contactColumns, ...sealedFields })

/** What the address book needs of it. */
export const StoredPostalAddress = Schema.Struct({
  ...{ id: AddressId, userId: UserId },
  ...{ ...Place.fields, ...contactColumns, ...sealedFields }
})

interface StoredContact extends SealedRow {
  readonly recipient: string | null
  readonly phone: string | null
  readonly street: string | null
  readonly postalCode: string | null
}

const decodeContact = Schema.decodeUnknownEffect(Contact)

export const openContact = Effect.fnUntraced(function* (keys: PersonalDataKeys["Service"], row: StoredContact) {
  const text = yield* openRow(keys, addressContacts, row)
  if (text !== null) return yield* parseContact(text)
  return yield* Effect.catchTag(decodeContact(row), "SchemaError", () =>
    Effect.die(new Error(`The address ${row.id} has no contact`))
  )
})

export const openAddress = Effect.fnUntraced(function* (
  keys: PersonalDataKeys["Service"],
  row: typeof StoredAddress.Type
) {
  const { createdAt, id, isDefault } = row
  const address: Address = { id, ...placeOf(row), ...(yield* openContact(keys, row)), isDefault, createdAt }
  return address
})

/** The columns of an address, none of which tells the contact. */
export const addressColumns = (keys: PersonalDataKeys["Service"], id: AddressId, address: PostalAddress) => ({
  ...placeOf(address),
  ...{ recipient: null, phone: null, street: null, postalCode: null },
  ...sealRow(keys, addressContacts, id, contactText(address))
})
