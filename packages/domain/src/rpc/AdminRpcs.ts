import { CatalogAdminRpcs } from "../catalog/CatalogRpc.ts"
import { IdentityAdminRpcs } from "../identity/IdentityRpcs.ts"
import { PaymentsAdminRpcs } from "../payments/PaymentsAdminRpcs.ts"
import { RpcProblems } from "../kernel/Problems.ts"

/** What the operators' console calls. */
export class AdminRpcs extends CatalogAdminRpcs.merge(IdentityAdminRpcs, PaymentsAdminRpcs).middleware(RpcProblems) {}
