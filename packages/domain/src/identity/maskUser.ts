import { maskEmail, maskName } from "../kernel/mask.ts"
import { Email, ManagedUser } from "./User.ts"

/** An account as support sees it: enough to recognise its owner. A deleted one has nothing left to mask. */
export const maskUser = (user: ManagedUser) =>
  new ManagedUser({
    ...user,
    email: user.email === null ? null : Email.make(maskEmail(user.email)),
    name: user.name === "" ? "" : maskName(user.name),
    avatarUrl: null
  })
