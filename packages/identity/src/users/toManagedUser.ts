import { ManagedUser } from "@mall/domain/identity/User"
import { Struct } from "effect"
import type { StoredUser } from "./StoredUser.ts"

/** What operators see of an account. */
export const toManagedUser = (user: StoredUser) => new ManagedUser(Struct.omit(user, ["passwordHash", "tokenVersion"]))
