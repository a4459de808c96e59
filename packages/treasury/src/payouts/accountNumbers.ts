import type { PersonalDataTable } from "@mall/platform/sealing/PersonalDataTable"

/** The numbers of bank accounts, which never stood in the clear. */
export const payoutAccountNumbers: PersonalDataTable = { name: "treasury.payout_accounts" }
