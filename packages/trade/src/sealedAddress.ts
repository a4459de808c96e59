import type { PostalAddress } from "@mall/domain/identity/AddressBook"
import { Contact, contactText, erasedContact, parseContact, Place, placeOf } from "@mall/domain/identity/AddressParts"
import type { OrderId } from "@mall/domain/trade/Order"
import type { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { nothingSealed, openRow, sealRow } from "@mall/platform/sealing/PersonalDataTable"
import type { PersonalDataTable, SealedRow } from "@mall/platform/sealing/PersonalDataTable"
import { Effect, Schema, Struct } from "effect"
import { Hex } from "effect/encoding"
import type { CheckoutDraft, OrderDraft } from "./CheckoutDraft.ts"

/** `address` keeps the place; the contact is sealed. */
export const orderAddresses = {
  name: "trade.orders",
  clear: {
    text: `CASE WHEN address ? 'recipient' THEN (address - '{countryCode,region,city}'::text[])::text END`,
    wipe: `address = address - '{recipient,phone,street,postalCode}'::text[]`
  }
} satisfies PersonalDataTable

/** `address` as it is stored: with the contact where the order is of before. */
export const StoredAddress = Schema.Struct({
  ...Place.fields,
  ...Struct.map(Contact.fields, Schema.optionalKey)
})

interface StoredOrder extends SealedRow {
  readonly id: OrderId
  readonly address: typeof StoredAddress.Type
}

const decodeContact = Schema.decodeUnknownEffect(Contact)

const contactIn = Effect.fnUntraced(function* (keys: PersonalDataKeys["Service"], row: StoredOrder) {
  const text = yield* openRow(keys, orderAddresses, row)
  if (text !== null) return yield* parseContact(text)
  if (row.personalDataKey === null) return erasedContact
  return yield* Effect.catchTag(decodeContact(row.address), "SchemaError", () =>
    Effect.die(new Error(`The order ${row.id} has no contact`))
  )
})

/** The row with its address whole, as far as there is one. */
export const openAddress = <Row extends StoredOrder>(keys: PersonalDataKeys["Service"], row: Row) =>
  Effect.map(contactIn(keys, row), (contact) => ({ ...row, address: { ...placeOf(row.address), ...contact } }))

/** What an order's columns become, for where it goes now; nulls where that does not change. */
export const sealAddress = (keys: PersonalDataKeys["Service"], id: OrderId, address: PostalAddress | undefined) =>
  address === undefined
    ? { place: null, ...nothingSealed }
    : { place: placeOf(address), ...sealRow(keys, orderAddresses, id, contactText(address)) }

/** A draft whose address only the keys can read. */
export interface SealedDraft extends CheckoutDraft {
  readonly place: Place
  readonly orders: ReadonlyArray<OrderDraft & { readonly contact: { readonly hex: string; readonly keyId: string } }>
}

/** Each order has its own: what is sealed for one cannot be put in the place of another. */
export const sealDraft = (keys: PersonalDataKeys["Service"], draft: CheckoutDraft): SealedDraft => {
  const text = contactText(draft.address)
  return {
    ...draft,
    place: placeOf(draft.address),
    orders: draft.orders.map((order) => {
      const { personalData, personalDataKey } = sealRow(keys, orderAddresses, order.id, text)
      return { ...order, contact: { hex: `\\x${Hex.encode(personalData)}`, keyId: personalDataKey } }
    })
  }
}
