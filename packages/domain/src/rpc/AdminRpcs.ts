import { CatalogAdminRpcs } from "../catalog/CatalogRpc.ts"
import { IdentityAdminRpcs } from "../identity/IdentityRpcs.ts"
import { RpcProblems } from "../kernel/Problems.ts"

/** What the operators' console calls. */
export class AdminRpcs extends CatalogAdminRpcs.merge(IdentityAdminRpcs).middleware(RpcProblems) {}
