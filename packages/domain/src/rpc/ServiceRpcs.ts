import { RpcProblems } from "../kernel/Problems.ts"
import { PaymentGatewayRpcs } from "../payments/PaymentGatewayRpcs.ts"

/** What our own services call of each other. */
export class ServiceRpcs extends PaymentGatewayRpcs.middleware(RpcProblems) {}
