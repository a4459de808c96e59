import type { PersonalDataTable } from "@mall/platform/sealing/PersonalDataTable"

/** The numbers of bank accounts, which never stood in the clear. */
export const payoutAccountNumbers: PersonalDataTable = {
  name: "treasury.payout_accounts",
  clear: "NULL::text",
  wipe: "personal_data_key = personal_data_key"
}
