import type { LimitsHolder } from "@mall/domain/merchants/LimitsHolder"
import { MerchantId } from "@mall/domain/merchants/Merchant"

/** Where the mall's own stand among the rows of merchants: no merchant has this id, whose time is that of no merchant. */
const platformRow = MerchantId.make("00000000-0000-7000-8000-000000000000")

export const rowOf = (holder: LimitsHolder): MerchantId => (holder === "platform" ? platformRow : holder)

export const holderOf = (row: MerchantId): LimitsHolder => (row === platformRow ? "platform" : row)
