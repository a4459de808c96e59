import { Effect, Schema, Struct } from "effect"
import { PostalAddress } from "./AddressBook.ts"

const contactFields = ["recipient", "phone", "street", "postalCode"] as const

/** Of an address, what tells one person from another: it is kept sealed. */
export const Contact = Schema.Struct(Struct.pick(PostalAddress.fields, contactFields))
export type Contact = typeof Contact.Type

/** The place as far as the city, which taxes and statistics go by. */
export const Place = Schema.Struct(Struct.omit(PostalAddress.fields, contactFields))
export type Place = typeof Place.Type

const contactOf = ({ phone, postalCode, recipient, street }: Contact): Contact => ({
  recipient,
  phone,
  street,
  postalCode
})

export const placeOf = ({ city, countryCode, region }: Place): Place => ({ countryCode, region, city })

/** What is left of a contact whose owner was erased. */
export const erasedContact: Contact = { recipient: "***", phone: "***", street: "***", postalCode: "***" }

const Text = Schema.fromJsonString(Contact)
const encodeText = Schema.encodeSync(Text)
const decodeText = Schema.decodeEffect(Text)

/** The text that is sealed, */
export const contactText = (address: Contact) => encodeText(contactOf(address))

/** and back. What was sealed and is no contact is a defect, which does not say what it is instead. */
export const parseContact = (text: string) =>
  Effect.catchTag(decodeText(text), "SchemaError", () => Effect.die(new Error("What was sealed is no contact")))
