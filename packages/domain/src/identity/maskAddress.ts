import { maskName, maskPhone, maskText } from "../kernel/mask.ts"
import type { PostalAddress } from "./AddressBook.ts"

/** The place as far as the city, and of the person what is needed to recognise them. */
export const maskAddress = ({ phone, postalCode, recipient, street, ...place }: PostalAddress): PostalAddress => ({
  ...place,
  recipient: maskName(recipient),
  phone: maskPhone(phone),
  street: maskText(street),
  postalCode: maskText(postalCode)
})
