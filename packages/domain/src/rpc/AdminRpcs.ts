import { CatalogAdminRpcs } from "../catalog/CatalogRpc.ts"
import { IdentityAdminRpcs } from "../identity/IdentityRpcs.ts"
import { RpcProblems } from "../kernel/Problems.ts"
import { LedgerAdminRpcs } from "../ledger/LedgerRpcs.ts"
import { OperationsAdminRpcs } from "../operations/OperationsAdminRpcs.ts"
import { DisputesAdminRpcs } from "../payments/DisputeRpcs.ts"
import { CredentialAdminRpcs } from "../payments/CredentialRpcs.ts"
import { PaymentsAdminRpcs } from "../payments/PaymentsAdminRpcs.ts"
import { TradeAdminRpcs } from "../trade/TradeRpc.ts"
import { ReconciliationAdminRpcs } from "../treasury/ReconciliationRpcs.ts"

/** What the operators' console calls. */
export class AdminRpcs extends CatalogAdminRpcs.merge(
  IdentityAdminRpcs,
  LedgerAdminRpcs,
  OperationsAdminRpcs,
  DisputesAdminRpcs,
  CredentialAdminRpcs,
  PaymentsAdminRpcs,
  ReconciliationAdminRpcs,
  TradeAdminRpcs
).middleware(RpcProblems) {}
