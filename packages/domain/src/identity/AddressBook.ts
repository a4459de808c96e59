import { Context, Schema } from "effect"
import type { Effect } from "effect"
import { Uuid7 } from "../kernel/Id.ts"
import { NonBlankText, PlainText } from "../kernel/PlainText.ts"
import { Problem } from "../kernel/Problem.ts"
import type { UserId } from "./CurrentUser.ts"

export const AddressId = Uuid7.pipe(Schema.brand("AddressId"), Schema.annotate({ identifier: "AddressId" }))
export type AddressId = typeof AddressId.Type

/** Where to deliver, and to whom. Personal data: never logged. */
export const PostalAddress = Schema.Struct({
  recipient: NonBlankText(100),
  phone: NonBlankText(32),
  countryCode: Schema.String.check(Schema.isPattern(/^[A-Z]{2}$/)),
  region: PlainText(100),
  city: NonBlankText(100),
  street: NonBlankText(200),
  postalCode: PlainText(16)
}).annotate({ identifier: "PostalAddress" })
export type PostalAddress = typeof PostalAddress.Type

/** No such address, or it is another user's. */
export class AddressNotFound extends Problem<AddressNotFound>()("AddressNotFound", {
  status: 404,
  title: "There is no such address",
  fields: { addressId: AddressId }
}) {}

/** The port through which an order takes its snapshot of an address. Reads only; owned by identity. */
export class AddressBook extends Context.Service<
  AddressBook,
  {
    find(userId: UserId, addressId: AddressId): Effect.Effect<PostalAddress, AddressNotFound>
  }
>()("@mall/domain/identity/AddressBook") {}
