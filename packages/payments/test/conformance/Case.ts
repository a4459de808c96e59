import type { PaymentId } from "@mall/domain/payments/PaymentGateway"
import type { PaymentGateway } from "@mall/domain/payments/PaymentGateway"
import type { Effect } from "effect"
import type { SqlClient } from "effect/sql"
import type { Callbacks } from "../../src/callbacks/Callbacks.ts"
import type { Channels } from "../../src/channel/Channels.ts"
import type { ChannelWatches } from "../../src/lifecycle/ChannelWatches.ts"
import type { Closing } from "../../src/lifecycle/Closing.ts"
import type { Confirmations } from "../../src/lifecycle/Confirmations.ts"
import type { Inquiries } from "../../src/lifecycle/Inquiries.ts"
import type { PaymentReads } from "../../src/store/PaymentReads.ts"
import type { PaymentRepo } from "../../src/store/PaymentRepo.ts"
import type { Payments } from "../../src/lifecycle/Payments.ts"
import type { Refunds } from "../../src/lifecycle/Refunds.ts"
import type { SecurityEvent } from "../../src/callbacks/SecurityEvents.ts"
import type { Tickets } from "../../src/lifecycle/Tickets.ts"
import type { Bench } from "./Bench.ts"
import type { NoticeTap } from "./NoticeTap.ts"

/** What a case leaves behind, for the invariants. */
export interface Aftermath {
  readonly payments: ReadonlyArray<PaymentId>
  /** How many security events the case brings about, beside the refusals of notices; of no other kind may one be there. */
  readonly events?: Readonly<Partial<Record<SecurityEvent["kind"], number | "any number">>>
  /** Answers to our requests that were not signed by the channel and count as failures of signatures: at least, at most. */
  readonly forgedAnswers?: readonly [number, number]
}

type CaseServices =
  | Bench
  | Callbacks
  | Channels
  | ChannelWatches
  | Closing
  | Confirmations
  | Inquiries
  | NoticeTap
  | PaymentGateway
  | PaymentReads
  | PaymentRepo
  | Payments
  | Refunds
  | SqlClient.SqlClient
  | Tickets

/** Something that goes wrong, or well. Afterwards no fault is left, and what it was about is in the aftermath. */
export type Case = Effect.Effect<Aftermath, unknown, CaseServices>
