import type { PostalAddress } from "@mall/domain/identity/AddressBook"
import { Contact, erasedContact, Place, placeOf } from "@mall/domain/identity/AddressParts"
import type { OrderId } from "@mall/domain/trade/Order"
import type { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { sealRow } from "@mall/platform/sealing/PersonalDataTable"
import type { PersonalDataTable, SealedRow } from "@mall/platform/sealing/PersonalDataTable"
import { openParts, sealedParts } from "@mall/platform/sealing/sealedParts"
import { Effect, Schema, Struct } from "effect"
import { Hex } from "effect/encoding"
import type { CheckoutDraft, OrderDraft } from "./CheckoutDraft.ts"

const nothing = { recipient: null, phone: null, street: null, postalCode: null, remark: null }

/** Rows of before have the contact sealed without the remark. */
const parts = sealedParts<{ readonly [Part in keyof typeof nothing]: string | null }>(nothing)

/** `address` keeps the place; the contact and what the buyer remarked are sealed. */
export const sealedOrders = {
  name: "trade.orders",
  clear: {
    text: `json_build_object(
      'recipient', address ->> 'recipient', 'phone', address ->> 'phone', 'street', address ->> 'street',
      'postalCode', address ->> 'postalCode', 'remark', nullif(remark, '')
    )::text`,
    wipe: `address = address - '{recipient,phone,street,postalCode}'::text[], remark = ''`,
    where: "personal_data_key = '' AND address ? 'recipient' OR remark <> ''",
    merge: parts.merge
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
  readonly remark: string
}

const decodeContact = Schema.decodeUnknownEffect(Contact)

/** The row with its address whole, as far as there is one, and its remark. */
export const openOrder = Effect.fnUntraced(function* <Row extends StoredOrder>(
  keys: PersonalDataKeys["Service"],
  row: Row
) {
  const clear = { ...row.address, remark: row.remark === "" ? null : row.remark }
  const { remark, ...found } = yield* openParts(keys, sealedOrders, parts, row, clear)
  const isErased = row.personalDataKey !== "" && found.recipient === null
  const contact = isErased
    ? erasedContact
    : yield* Effect.catchTag(decodeContact(found), "SchemaError", () =>
        Effect.die(new Error(`The order ${row.id} has no contact`))
      )
  return { ...row, address: { ...placeOf(row.address), ...contact }, remark: remark ?? "" }
})

/** What of an order only the keys can read. */
const textOf = ({ phone, postalCode, recipient, street }: Contact, remark: string) =>
  parts.text({ recipient, phone, street, postalCode, remark })

/** What an order's columns become, for where it goes now and what is remarked now. */
export const sealOrder = (
  keys: PersonalDataKeys["Service"],
  id: OrderId,
  { address, remark }: { readonly address: PostalAddress; readonly remark: string }
) => ({ place: placeOf(address), ...sealRow(keys, sealedOrders, id, textOf(address, remark)) })

/** A draft of which only the keys can read where it goes and what is remarked. */
export interface SealedDraft extends Omit<CheckoutDraft, "address" | "remark"> {
  readonly place: Place
  readonly orders: ReadonlyArray<OrderDraft & { readonly sealed: { readonly hex: string; readonly keyId: string } }>
}

/** Each order has its own: what is sealed for one cannot be put in the place of another. */
export const sealDraft = (
  keys: PersonalDataKeys["Service"],
  { address, remark, ...draft }: CheckoutDraft
): SealedDraft => {
  const text = textOf(address, remark)
  return {
    ...draft,
    place: placeOf(address),
    orders: draft.orders.map((order) => {
      const { personalData, personalDataKey } = sealRow(keys, sealedOrders, order.id, text)
      return { ...order, sealed: { hex: `\\x${Hex.encode(personalData)}`, keyId: personalDataKey } }
    })
  }
}
