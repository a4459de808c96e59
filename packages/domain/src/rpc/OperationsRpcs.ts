import { AuditAdminRpcs, AuditMerchantRpcs } from "../operations/AuditApi.ts"
import { DoctorAdminRpcs } from "../operations/DoctorApi.ts"
import { OperationsAdminRpcs } from "../operations/OperationsAdminRpcs.ts"

/** What each process serves, for the data, the checks and the sweeps that it knows. */
export class OperationsRpcs extends OperationsAdminRpcs.merge(AuditAdminRpcs, AuditMerchantRpcs, DoctorAdminRpcs) {}
