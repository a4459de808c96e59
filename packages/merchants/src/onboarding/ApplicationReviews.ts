import { MerchantOwners } from "@mall/domain/identity/MerchantOwners"
import type { RoleNotGrantable, UserNotFound } from "@mall/domain/identity/IdentityError"
import { generator } from "@mall/domain/kernel/Id"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import { ApplicationId, applicationLifecycle, isEditable } from "@mall/domain/merchants/Application"
import type {
  ApplicationDetails,
  ApplicationStatus,
  MerchantApplication,
  MerchantContact,
  Recommendation
} from "@mall/domain/merchants/Application"
import { kindsOf } from "@mall/domain/merchants/Document"
import type { Document } from "@mall/domain/merchants/Document"
import { missingOf, requirementsOf } from "@mall/domain/merchants/kyc"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import {
  ApplicationNotFound,
  ApplicationStateConflict,
  DocumentQuarantined,
  DocumentsMissing,
  ReviewerNotIndependent
} from "@mall/domain/merchants/MerchantError"
import type { MerchantCodeTaken } from "@mall/domain/merchants/MerchantError"
import { Merchants } from "@mall/domain/merchants/Merchants"
import type { AuditAction } from "@mall/domain/operations/Audit"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { Context, DateTime, Duration, Effect, Layer, Metric, Option } from "effect"
import { SqlClient } from "effect/sql"
import type { PageRequest, Ruling } from "../Actor.ts"
import { DocumentRepo } from "../kyc/DocumentRepo.ts"
import { MerchantsConfig } from "../MerchantsConfig.ts"
import { Shops } from "../shops/Shops.ts"
import { Profiles } from "../standing/Profiles.ts"
import { auditedApplication, forReviewer, openParticulars } from "./ApplicationRecord.ts"
import type { ApplicationRow } from "./ApplicationRecord.ts"
import { ApplicationRepo } from "./ApplicationRepo.ts"

const cursor = cursorOf(ApplicationId)
const newMerchantId = generator(MerchantId)

const decided = Metric.counter("merchant_applications_total", {
  description: "Applications of merchants by how they ended",
  incremental: true
})

type ReviewError = ApplicationNotFound | ApplicationStateConflict | ReviewerNotIndependent
type ApproveError =
  | ReviewError
  | DocumentsMissing
  | DocumentQuarantined
  | MerchantCodeTaken
  | UserNotFound
  | RoleNotGrantable

/** Two people look at each application: one recommends, another decides. Neither is the applicant. */
export class ApplicationReviews extends Context.Service<
  ApplicationReviews,
  {
    list(
      filter: PageRequest & { readonly status?: ApplicationStatus }
    ): Effect.Effect<Page<MerchantApplication>, InvalidCursor>
    /** The contact is masked. */
    show(id: ApplicationId): Effect.Effect<ApplicationDetails, ApplicationNotFound>
    /** Unmasked; whoever asks, and why, is in the audit trail. */
    contact(id: ApplicationId, reason: string): Effect.Effect<MerchantContact, ApplicationNotFound>
    recommend(
      id: ApplicationId,
      recommendation: Recommendation,
      ruling: Ruling
    ): Effect.Effect<MerchantApplication, ReviewError | DocumentsMissing>
    requestChanges(id: ApplicationId, ruling: Ruling): Effect.Effect<MerchantApplication, ReviewError>
    /** Of what was recommended to be approved: makes the merchant, its first shop, and the applicant its staff. */
    approve(id: ApplicationId, ruling: Ruling): Effect.Effect<MerchantApplication, ApproveError>
    reject(id: ApplicationId, ruling: Ruling): Effect.Effect<MerchantApplication, ReviewError>
  }
>()("@mall/merchants/onboarding/ApplicationReviews") {
  static readonly layerNoDeps = Layer.effect(
    ApplicationReviews,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const audit = yield* makeAuditRecorder
      const config = yield* MerchantsConfig
      const documents = yield* DocumentRepo
      const keys = yield* PersonalDataKeys
      const merchants = yield* Merchants
      const owners = yield* MerchantOwners
      const profiles = yield* Profiles
      const repo = yield* ApplicationRepo
      const shops = yield* Shops
      const toView = forReviewer(keys)

      const orNotFound = (row: Option.Option<ApplicationRow>) =>
        Effect.mapError(Effect.fromOption(row), () => new ApplicationNotFound({}))

      const assertIndependent = Effect.fnUntraced(function* (row: ApplicationRow, actor: string) {
        if (actor === `user:${row.applicantId}`) return yield* new ReviewerNotIndependent({ because: "applied" })
        if (actor === row.recommendedBy) return yield* new ReviewerNotIndependent({ because: "recommended" })
      })

      /** Locked, in a state from which it can go there, and by somebody who may. */
      const lockFor = Effect.fnUntraced(function* (id: ApplicationId, to: ApplicationStatus, actor: string) {
        const row = yield* Effect.flatMap(repo.lock(id), orNotFound)
        if (!applicationLifecycle.can(row.status, to)) {
          return yield* new ApplicationStateConflict({ applicationStatus: row.status })
        }
        yield* assertIndependent(row, actor)
        return row
      })

      /** What must be there is, and still counts today. */
      const assertComplete = Effect.fnUntraced(function* (row: ApplicationRow) {
        const today = DateTime.formatIsoDateUtc(yield* DateTime.now)
        const shown = (yield* documents.current(row.id)).filter(
          ({ expiresOn }) => expiresOn === null || expiresOn >= today
        )
        const missing = missingOf(requirementsOf(row.level, row.kind, row.country), kindsOf(shown))
        if (missing.length > 0) return yield* new DocumentsMissing({ missing })
        return shown
      })

      const save = Effect.fnUntraced(
        function* (before: ApplicationRow, change: Partial<ApplicationRow>, action: AuditAction, ruling: Ruling) {
          const after: ApplicationRow = { ...before, ...change, updatedAt: yield* DateTime.nowAsDate }
          yield* repo.update(before, after, ruling)
          yield* audit.record({
            action,
            resource: { type: "merchant_application", id: after.id },
            merchantId: after.merchantId,
            reason: ruling.reason,
            before: auditedApplication(before),
            after: auditedApplication(after)
          })
          return yield* toView(after)
        },
        // neither the applicant nor the code changes
        Effect.catchTag(["ApplicationOpen", "MerchantCodeTaken"], Effect.die)
      )

      const inTransaction = <A, E>(effect: Effect.Effect<A, E>) =>
        effect.pipe(sql.withTransaction, retryConflicts, Effect.catchTag("SqlError", Effect.die))

      const recommend = Effect.fn("ApplicationReviews.recommend")(function* (
        id: ApplicationId,
        recommendation: Recommendation,
        ruling: Ruling
      ) {
        const row = yield* lockFor(id, "in_review", ruling.actor)
        // what its applicant still changes, or has left, may be rejected; nobody asked for more
        if (recommendation === "approve" && isEditable(row.status)) {
          return yield* new ApplicationStateConflict({ applicationStatus: row.status })
        }
        if (recommendation === "approve") yield* assertComplete(row)
        const change = { status: "in_review", recommendation, recommendedBy: ruling.actor } as const
        return yield* save(row, change, "merchant_application.recommend", ruling)
      }, inTransaction)

      const requestChanges = Effect.fn("ApplicationReviews.requestChanges")(function* (
        id: ApplicationId,
        ruling: Ruling
      ) {
        const row = yield* Effect.flatMap(repo.lock(id), orNotFound)
        if (!applicationLifecycle.can(row.status, "needs_changes")) {
          return yield* new ApplicationStateConflict({ applicationStatus: row.status })
        }
        // it grants nothing, so who recommended something else may change their mind
        yield* assertIndependent({ ...row, recommendedBy: null }, ruling.actor)
        const change = { status: "needs_changes", recommendation: null, recommendedBy: null } as const
        return yield* save(row, change, "merchant_application.request_changes", ruling)
      }, inTransaction)

      const reject = Effect.fn("ApplicationReviews.reject")(function* (id: ApplicationId, ruling: Ruling) {
        const row = yield* lockFor(id, "rejected", ruling.actor)
        yield* sql.afterCommit(Metric.update(Metric.withAttributes(decided, { outcome: "rejected" }), 1))
        const change = { status: "rejected", decidedBy: ruling.actor } as const
        return yield* save(row, change, "merchant_application.reject", ruling)
      }, inTransaction)

      /** Until the first of the documents expires, and no longer than a check lasts. */
      const verifiedUntil = (shown: ReadonlyArray<Document>, now: DateTime.Utc) => {
        const days = shown.flatMap(({ expiresOn }) =>
          expiresOn === null ? [] : [Date.parse(`${expiresOn}T23:59:59.999Z`)]
        )
        return new Date(Math.min(...days, DateTime.toEpochMillis(now) + Duration.toMillis(config.recheckInterval)))
      }

      const admit = Effect.fnUntraced(function* (row: ApplicationRow, ruling: Ruling) {
        if (row.merchantId !== null) return row.merchantId
        const merchantId = yield* newMerchantId
        const { code, shopName } = row
        const createdAt = yield* DateTime.nowAsDate
        yield* merchants.create({ id: merchantId, code, name: shopName, createdAt })
        yield* shops.openFirst(merchantId, { code, name: shopName }, ruling)
        yield* owners.appoint(row.applicantId, merchantId, `application ${row.id} was approved by ${ruling.actor}`)
        return merchantId
      })

      const approve = Effect.fn("ApplicationReviews.approve")(function* (id: ApplicationId, ruling: Ruling) {
        const row = yield* lockFor(id, "approved", ruling.actor)
        if (row.recommendation !== "approve") {
          return yield* new ApplicationStateConflict({ applicationStatus: row.status })
        }
        const shown = yield* assertComplete(row)
        if (shown.some(({ scan }) => scan === "pending" || scan === "infected")) {
          return yield* new DocumentQuarantined({})
        }
        const merchantId = yield* admit(row, ruling)
        const profile = yield* profiles.lock(merchantId)
        const until = verifiedUntil(shown, yield* DateTime.now)
        yield* profiles.save(
          { ...profile, kycStatus: "verified", kycLevel: row.level, verifiedUntil: until },
          { ...ruling, reason: `application ${id}: ${ruling.reason}` }
        )
        yield* sql.afterCommit(Metric.update(Metric.withAttributes(decided, { outcome: "approved" }), 1))
        const change = { status: "approved", merchantId, decidedBy: ruling.actor } as const
        return yield* save(row, change, "merchant_application.approve", ruling)
      }, inTransaction)

      return ApplicationReviews.of({
        list: Effect.fn("ApplicationReviews.list")(
          function* ({ after, limit = defaultLimit, status }) {
            const before = after === undefined ? {} : { before: yield* cursor.decode(after) }
            const rows = yield* repo.list({ ...(status === undefined ? {} : { status }), ...before, limit: limit + 1 })
            return toPage(yield* Effect.forEach(rows, toView), limit, ({ id }) => cursor.encode(id))
          },
          Effect.catchTag("SqlError", Effect.die)
        ),
        show: Effect.fn("ApplicationReviews.show")(
          function* (id) {
            const row = yield* Effect.flatMap(repo.find(id), orNotFound)
            const shown = yield* documents.current(id)
            const missing = missingOf(requirementsOf(row.level, row.kind, row.country), kindsOf(shown))
            return { application: yield* toView(row), documents: shown, missing, history: yield* repo.history(id) }
          },
          Effect.catchTag("SqlError", Effect.die)
        ),
        contact: Effect.fn("ApplicationReviews.contact")(
          function* (id, reason) {
            const row = yield* Effect.flatMap(repo.find(id), orNotFound)
            const contact = (yield* openParticulars(keys, row))?.contact ?? null
            if (contact === null) return yield* new ApplicationNotFound({})
            const resource = { type: "merchant_application", id }
            yield* audit.record({ action: "personal_data.unmask", resource, merchantId: row.merchantId, reason })
            return contact
          },
          Effect.catchTag("SqlError", Effect.die)
        ),
        recommend,
        requestChanges,
        approve,
        reject
      })
    })
  )
}
