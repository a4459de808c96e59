import type { UserId } from "@mall/domain/identity/CurrentUser"

/** What each sealed text is for: one cannot be put in the place of another, nor one account's in another's. */
export const sealPurpose = {
  mailedCode: (id: string) => `identity.sign_in_mail ${id}`,
  totp: (userId: UserId) => `identity.totp_credentials ${userId}`
}
