import { User } from "@mall/domain/identity/User"
import { Effect } from "effect"
import type { StoredUser } from "./StoredUser.ts"

/** What the owner sees of an account that is not deleted. */
export const toUser = ({ id, email, name, avatarUrl, locale, roles, merchantId, createdAt }: StoredUser) =>
  email === null
    ? Effect.die(new Error(`User ${id} is deleted`))
    : Effect.succeed(new User({ id, email, name, avatarUrl, locale, roles, merchantId, createdAt }))
