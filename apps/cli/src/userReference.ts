import { UserId } from "@mall/domain/identity/CurrentUser"
import { Email } from "@mall/domain/identity/User"
import { UserAdministration } from "@mall/identity/users/UserAdministration"
import { Effect, Option, Schema } from "effect"

/** How operators name a user: by id or by email address. */
export type UserReference =
  | { readonly _tag: "Id"; readonly id: UserId }
  | { readonly _tag: "Email"; readonly email: Email }

class NoSuchEmail extends Schema.TaggedError<NoSuchEmail>()("NoSuchEmail", { email: Schema.String }) {
  override get message() {
    return `There is no account with the email ${this.email}`
  }
}

const decodeId = Schema.decodeUnknownOption(UserId)
const decodeEmail = Schema.decodeUnknownOption(Email)

export const parse = (text: string): Option.Option<UserReference> =>
  Option.orElse(
    Option.map(decodeId(text), (id): UserReference => ({ _tag: "Id", id })),
    () => Option.map(decodeEmail(text), (email): UserReference => ({ _tag: "Email", email }))
  )

export const expectation = () => "Expected the id of a user or an email address"

/** The account that is meant. */
export const resolve = Effect.fnUntraced(function* (reference: UserReference) {
  const administration = yield* UserAdministration
  if (reference._tag === "Id") return yield* administration.show(reference.id)
  const found = yield* administration.findByEmail(reference.email)
  return Option.isSome(found) ? found.value : yield* new NoSuchEmail({ email: reference.email })
})
