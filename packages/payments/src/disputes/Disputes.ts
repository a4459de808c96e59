import type { Principal } from "@mall/domain/identity/CurrentUser"
import { mayEverywhere } from "@mall/domain/identity/CurrentUser"
import { generator } from "@mall/domain/kernel/Id"
import { maskText } from "@mall/domain/kernel/mask"
import { Money } from "@mall/domain/kernel/Money"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import { DisputeDetails } from "@mall/domain/payments/Dispute"
import type { Dispute, DisputeId, Evidence, EvidenceKind, NewEvidence } from "@mall/domain/payments/Dispute"
import {
  DisputeNotFound,
  DisputeStateConflict,
  EvidenceMissing,
  EvidenceOverdue,
  EvidenceTooLarge,
  EvidenceTypeRefused
} from "@mall/domain/payments/DisputeError"
import { awaitsEvidence } from "@mall/domain/payments/DisputeLifecycle"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import type { Act } from "@mall/platform/audit/AuditRecorder"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { readsOf, tenantSeeing, transactionOf } from "@mall/platform/Tenancy"
import { Context, DateTime, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { createHash } from "node:crypto"
import { DisputeReads } from "./DisputeReads.ts"
import type { DisputeFilter } from "./DisputeReads.ts"
import { DisputeRow, EvidenceId, EvidenceRow } from "./DisputeRecord.ts"
import { DisputeRepo } from "./DisputeRepo.ts"
import { DisputesConfig } from "./DisputesConfig.ts"
import { DisputeStore } from "./DisputeStore.ts"
import { DisputeSync } from "./DisputeSync.ts"
import type { ChannelFailure } from "./DisputeSync.ts"
import { evidenceFileType } from "./evidenceFileType.ts"
import { EvidenceRepo } from "./EvidenceRepo.ts"
import { EvidenceStore } from "./EvidenceStore.ts"

/** What tells the bank who the buyer is. */
const personal: ReadonlySet<EvidenceKind> = new Set([
  "access_activity_log",
  "billing_address",
  "customer_email_address",
  "customer_name",
  "customer_purchase_ip",
  "shipping_address"
])

/** As those see it who did not bring it. */
const maskEvidence = (evidence: Evidence): Evidence =>
  evidence.text !== null && personal.has(evidence.kind) ? { ...evidence, text: maskText(evidence.text) } : evidence

const newEvidenceId = generator(EvidenceId)
const encoder = new TextEncoder()

/** Who asks: an operator sees everybody's disputes, a merchant its own, and who is neither none. */
export interface Party {
  readonly sees: "all" | MerchantId | null
  readonly actor: string
}

export const partyOf = (principal: Principal): Party => ({
  sees: mayEverywhere(principal, "payments:administer") ? "all" : Option.getOrNull(principal.merchantId),
  actor: principal.actorName
})

const isSeen = ({ sees }: Party, row: DisputeRow) => sees === "all" || (sees !== null && sees === row.merchantId)

/** The same for the same pieces: Stripe does once what is asked twice under it. */
const submissionKey = (id: DisputeId, pieces: ReadonlyArray<EvidenceRow>) =>
  `submit-${id}-${createHash("sha256")
    .update(pieces.map((piece) => piece.id).join())
    .digest("hex")}`

/** What merchants and operators do about disputes. Each act is in the history with who did it. */
export class Disputes extends Context.Service<
  Disputes,
  {
    list(party: Party, filter: DisputeFilter): Effect.Effect<Page<Dispute>, InvalidCursor>
    show(party: Party, id: DisputeId): Effect.Effect<DisputeDetails, DisputeNotFound>
    /** The type of a file is read from its bytes. What is larger than all evidence of a dispute may be is refused. */
    addEvidence(
      party: Party,
      id: DisputeId,
      evidence: NewEvidence
    ): Effect.Effect<
      DisputeDetails,
      DisputeNotFound | DisputeStateConflict | EvidenceOverdue | EvidenceTooLarge | EvidenceTypeRefused
    >
    /** All evidence that is kept. After an unclear answer the same may be asked again: the bank is told once. */
    submit(
      party: Party,
      id: DisputeId
    ): Effect.Effect<
      DisputeDetails,
      DisputeNotFound | DisputeStateConflict | EvidenceOverdue | EvidenceMissing | ChannelFailure
    >
    /** A dispute that was given up before is answered as it is. */
    accept(
      party: Party,
      id: DisputeId
    ): Effect.Effect<DisputeDetails, DisputeNotFound | DisputeStateConflict | ChannelFailure>
    /** Asks the channel now. */
    sync(party: Party, id: DisputeId): Effect.Effect<DisputeDetails, DisputeNotFound | ChannelFailure>
  }
>()("@mall/payments/disputes/Disputes") {
  static readonly layerNoDeps = Layer.effect(
    Disputes,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const reads = yield* DisputeReads
      const repo = yield* DisputeRepo
      const evidenceRepo = yield* EvidenceRepo
      const files = yield* EvidenceStore
      const store = yield* DisputeStore
      const channel = yield* DisputeSync
      const { evidenceLimit } = yield* DisputesConfig
      const audit = yield* makeAuditRecorder

      const record = ({ id, merchantId }: DisputeRow, act: Pick<Act, "action" | "before" | "after">) =>
        audit.record({ ...act, resource: { type: "dispute", id }, merchantId })

      const seen = (party: Party, id: DisputeId, row: Option.Option<DisputeRow>) =>
        Option.isSome(row) && isSeen(party, row.value)
          ? Effect.succeed(row.value)
          : Effect.fail(new DisputeNotFound({ disputeId: id }))

      const inTransactionOf = <A, E, R>(effect: Effect.Effect<A, E, R>, { sees }: Party) =>
        transactionOf(sql, "mall_pay_tenant", tenantSeeing(sees))(effect)

      const find = (party: Party, id: DisputeId) =>
        repo.find(id).pipe(
          readsOf(sql, "mall_pay_tenant", tenantSeeing(party.sees)),
          Effect.catchTag("SqlError", Effect.die),
          Effect.flatMap((row) => seen(party, id, row))
        )

      const show = Effect.fn("Disputes.show")(
        function* (party: Party, id: DisputeId) {
          const row = yield* find(party, id)
          const payment = row.paymentId === null ? Option.none() : yield* repo.payment(row.paymentId)
          return new DisputeDetails({
            dispute: row.dispute,
            captured: Option.match(payment, {
              onNone: () => null,
              onSome: ({ captured, currency }) => new Money({ amount: captured, currency })
            }),
            refunded: Option.match(payment, {
              onNone: () => null,
              onSome: ({ currency, refunded }) => new Money({ amount: refunded, currency })
            }),
            evidence: (yield* evidenceRepo.list(id)).map(({ evidence }) =>
              party.sees === "all" ? maskEvidence(evidence) : evidence
            ),
            history: yield* reads.history(id)
          })
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const assertListening = Effect.fnUntraced(function* (row: DisputeRow) {
        if (!awaitsEvidence(row.status) || row.acceptedBy !== null) {
          return yield* new DisputeStateConflict({ disputeId: row.id, disputeStatus: row.status })
        }
        if (row.evidenceDueAt !== null && row.evidenceDueAt <= (yield* DateTime.nowAsDate)) {
          return yield* new EvidenceOverdue({ disputeId: row.id })
        }
      })

      const toPiece = Effect.fnUntraced(function* (input: NewEvidence, addedBy: string) {
        const common = {
          ...{ id: yield* newEvidenceId, kind: input.kind, addedBy, channelFile: null, submittedAt: null },
          createdAt: yield* DateTime.nowAsDate
        }
        if ("text" in input) {
          const size = encoder.encode(input.text).byteLength
          return new EvidenceRow({ ...common, text: input.text, fileType: null, sha256: null, size })
        }
        const size = input.file.byteLength
        if (size > evidenceLimit) return yield* new EvidenceTooLarge({ limit: evidenceLimit })
        const fileType = evidenceFileType(input.file)
        if (fileType === undefined) return yield* new EvidenceTypeRefused({})
        const sha256 = yield* files.put(input.file).pipe(Effect.catchTag("PlatformError", Effect.die))
        return new EvidenceRow({ ...common, text: null, fileType, sha256, size })
      })

      const putEvidence = Effect.fnUntraced(
        function* (party: Party, id: DisputeId, piece: EvidenceRow) {
          const row = yield* seen(party, id, yield* repo.lock(id))
          yield* assertListening(row)
          const others = (yield* evidenceRepo.list(id)).filter(({ kind }) => kind !== piece.kind)
          const total = others.reduce((sum, { size }) => sum + size, piece.size)
          if (total > evidenceLimit) return yield* new EvidenceTooLarge({ limit: evidenceLimit })
          yield* evidenceRepo.put(id, piece)
          const { fileType, kind, sha256, size } = piece
          yield* record(row, { action: "dispute.add_evidence", after: { kind, fileType, sha256, size } })
          yield* store.note(
            row,
            party.actor,
            `added evidence: ${piece.kind}${piece.sha256 === null ? "" : ` ${piece.sha256}`}`
          )
        },
        inTransactionOf,
        retryConflicts,
        Effect.catchTag("SqlError", Effect.die)
      )

      const addEvidence = Effect.fn("Disputes.addEvidence")(function* (
        party: Party,
        id: DisputeId,
        input: NewEvidence
      ) {
        // nothing is written to the disk for who may not, or too late
        yield* assertListening(yield* find(party, id))
        yield* putEvidence(party, id, yield* toPiece(input, party.actor))
        return yield* show(party, id)
      })

      /** What the channel is told for a piece: a text itself, for a file the number that it got there. */
      const valueOf = Effect.fnUntraced(function* (row: DisputeRow, piece: EvidenceRow) {
        const { channelFile, fileType, id, sha256, text } = piece
        const known = text ?? channelFile
        if (known !== null || sha256 === null || fileType === null) return known ?? ""
        const bytes = yield* files.get(sha256).pipe(Effect.catchTag("PlatformError", Effect.die))
        const file = yield* channel.upload(
          row,
          { name: `${piece.kind}.${fileType.split("/")[1]}`, type: fileType, bytes },
          `file-${id}`
        )
        yield* evidenceRepo.uploaded(id, file).pipe(Effect.catchTag("SqlError", Effect.die))
        return file
      })

      const submit = Effect.fn("Disputes.submit")(
        function* (party: Party, id: DisputeId) {
          const row = yield* find(party, id)
          yield* assertListening(row)
          const pieces = yield* evidenceRepo.list(id)
          if (pieces.length === 0) return yield* new EvidenceMissing({ disputeId: id })
          const values = yield* Effect.forEach(pieces, (piece) =>
            Effect.map(valueOf(row, piece), (value) => [piece.kind, value] as const)
          )
          const key = submissionKey(id, pieces)
          const now = yield* DateTime.nowAsDate
          yield* channel.tell(
            row,
            (disputes) => disputes.submit(row.channelReference, Object.fromEntries(values), key),
            { actor: party.actor, reason: "submitted evidence" },
            Effect.andThen(
              evidenceRepo.submitted(
                pieces.map((piece) => piece.id),
                now
              ),
              store.note(row, party.actor, `submitted evidence: ${pieces.map(({ kind }) => kind).join(", ")}`)
            ).pipe(
              Effect.andThen(
                record(row, { action: "dispute.submit", after: { evidence: pieces.map(({ kind }) => kind) } })
              )
            )
          )
          return yield* show(party, id)
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      /** Says who gave it up, before the channel hears of it; `null` takes that back. */
      const mark = Effect.fnUntraced(
        function* (party: Party, id: DisputeId, acceptedBy: string | null) {
          const row = yield* seen(party, id, yield* repo.lock(id))
          if (row.status !== "needs_response") {
            return yield* new DisputeStateConflict({ disputeId: id, disputeStatus: row.status })
          }
          const marked = new DisputeRow({ ...row, acceptedBy })
          yield* repo.update(marked)
          yield* store.note(
            row,
            party.actor,
            acceptedBy === null ? "not given up: refused by the channel" : "gives it up"
          )
          const [before, after] = [{ acceptedBy: row.acceptedBy }, { acceptedBy }]
          yield* record(row, { action: "dispute.accept", before, after })
          return marked
        },
        inTransactionOf,
        retryConflicts,
        Effect.catchTag("SqlError", Effect.die)
      )

      const unmark = (party: Party, id: DisputeId) => () =>
        Effect.catchTag(mark(party, id, null), ["DisputeNotFound", "DisputeStateConflict"], () => Effect.void)

      const accept = Effect.fn("Disputes.accept")(function* (party: Party, id: DisputeId) {
        const before = yield* find(party, id)
        if (before.status === "accepted") return yield* show(party, id)
        const row = yield* mark(party, id, before.acceptedBy ?? party.actor)
        yield* channel
          .tell(row, (disputes) => disputes.accept(row.channelReference, `accept-${id}`), {
            actor: party.actor,
            reason: "given up"
          })
          .pipe(
            Effect.tapErrorTag("ChannelUnavailable", unmark(party, id)),
            Effect.tapErrorTag("DisputeRefused", unmark(party, id))
          )
        return yield* show(party, id)
      })

      return Disputes.of({
        list: (party, filter) => reads.list(party.sees, filter),
        show,
        addEvidence,
        submit,
        accept,
        sync: Effect.fn("Disputes.sync")(function* (party, id) {
          const row = yield* find(party, id)
          yield* Effect.orDie(record(row, { action: "dispute.sync" }))
          yield* channel.sync(row, party.actor)
          return yield* show(party, id)
        })
      })
    })
  )
}
