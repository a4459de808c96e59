import type { PersonalDataTable } from "@mall/platform/sealing/PersonalDataTable"

/** The numbers of bank accounts, which never stood in the clear: there is nothing to wipe, and the assignment changes nothing. */
export const payoutAccountNumbers: PersonalDataTable = {
  name: "treasury.payout_accounts",
  clear: "NULL::text",
  wipe: "created_at = kept.created_at"
}
