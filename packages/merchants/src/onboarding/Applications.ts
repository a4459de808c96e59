import type { Principal } from "@mall/domain/identity/CurrentUser"
import { shopOf } from "@mall/domain/identity/CurrentUser"
import type { InvalidCursor, Page } from "@mall/domain/kernel/Page"
import { cursorOf, defaultLimit, toPage } from "@mall/domain/kernel/Page"
import { ApplicationId, applicationLifecycle, isEditable } from "@mall/domain/merchants/Application"
import type {
  ApplicationDetails,
  MerchantApplication,
  NewApplication,
  NewRecheck
} from "@mall/domain/merchants/Application"
import { kindsOf } from "@mall/domain/merchants/Document"
import { missingOf, requirementsOf } from "@mall/domain/merchants/kyc"
import {
  AlreadyMerchant,
  ApplicationNotFound,
  ApplicationStateConflict,
  DocumentsMissing,
  MerchantCodeTaken,
  MerchantNotFound
} from "@mall/domain/merchants/MerchantError"
import type { ApplicationOpen } from "@mall/domain/merchants/MerchantError"
import { Merchants } from "@mall/domain/merchants/Merchants"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { transactionOf } from "@mall/platform/Tenancy"
import { Context, DateTime, Effect, Layer, Option } from "effect"
import { SqlClient } from "effect/sql"
import { rulingOf } from "../Actor.ts"
import type { PageRequest } from "../Actor.ts"
import { DocumentRepo } from "../kyc/DocumentRepo.ts"
import { auditedApplication, forApplicant, historyForApplicant, sealParticulars } from "./ApplicationRecord.ts"
import type { ApplicationRow } from "./ApplicationRecord.ts"
import { ApplicationRepo } from "./ApplicationRepo.ts"

const cursor = cursorOf(ApplicationId)

/** What applicants do. Another's application is one that does not exist. */
export class Applications extends Context.Service<
  Applications,
  {
    /** Makes a draft with that id; where the caller made it before (a retry), answers with it. */
    apply(
      caller: Principal,
      id: ApplicationId,
      input: NewApplication
    ): Effect.Effect<MerchantApplication, ApplicationOpen | AlreadyMerchant | MerchantCodeTaken>
    /** The same for the merchant whose staff the caller is. */
    recheck(
      caller: Principal,
      id: ApplicationId,
      input: NewRecheck
    ): Effect.Effect<MerchantApplication, ApplicationOpen | MerchantNotFound>
    list(caller: Principal, page: PageRequest): Effect.Effect<Page<MerchantApplication>, InvalidCursor>
    show(caller: Principal, id: ApplicationId): Effect.Effect<ApplicationDetails, ApplicationNotFound>
    /** Of a recheck, the code and the name of the shop stay as they are. */
    edit(
      caller: Principal,
      id: ApplicationId,
      input: NewApplication
    ): Effect.Effect<MerchantApplication, ApplicationNotFound | ApplicationStateConflict | MerchantCodeTaken>
    submit(
      caller: Principal,
      id: ApplicationId
    ): Effect.Effect<MerchantApplication, ApplicationNotFound | ApplicationStateConflict | DocumentsMissing>
  }
>()("@mall/merchants/onboarding/Applications") {
  static readonly layerNoDeps = Layer.effect(
    Applications,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const repo = yield* ApplicationRepo
      const documents = yield* DocumentRepo
      const merchants = yield* Merchants
      const keys = yield* PersonalDataKeys
      const audit = yield* makeAuditRecorder
      const toView = forApplicant(keys)

      const own =
        ({ userId }: Principal) =>
        (row: Option.Option<ApplicationRow>) =>
          Effect.mapError(
            Effect.fromOption(Option.filter(row, ({ applicantId }) => applicantId === userId)),
            () => new ApplicationNotFound({})
          )

      const rowOf = Effect.fnUntraced(function* (
        caller: Principal,
        id: ApplicationId,
        input: NewApplication,
        merchantId: ApplicationRow["merchantId"]
      ) {
        const now = yield* DateTime.nowAsDate
        const { code, country, kind, level, shopName } = input
        const row: ApplicationRow = {
          ...{ id, applicantId: caller.userId, merchantId, status: "draft" },
          purpose: merchantId === null ? "onboarding" : "recheck",
          ...{ kind, level, country, code, shopName, ...sealParticulars(keys, id, input) },
          ...{ recommendation: null, recommendedBy: null, decidedBy: null, createdAt: now, updatedAt: now }
        }
        return row
      })

      const assertFree = Effect.fnUntraced(function* (code: string) {
        if (yield* merchants.isTaken(code)) return yield* new MerchantCodeTaken({ merchantCode: code })
      })

      const apply = Effect.fn("Applications.apply")(
        function* (caller: Principal, id: ApplicationId, input: NewApplication) {
          const made = Option.filter(yield* repo.find(id), ({ applicantId }) => applicantId === caller.userId)
          if (Option.isSome(made)) return yield* toView(made.value)
          if (Option.isSome(caller.merchantId)) return yield* new AlreadyMerchant({})
          yield* assertFree(input.code)
          const row = yield* rowOf(caller, id, input, null)
          yield* repo.insert(row, rulingOf(caller, "applied"))
          return yield* toView(row)
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTag("SqlError", Effect.die)
      )

      const recheck = Effect.fn("Applications.recheck")(
        function* (caller: Principal, id: ApplicationId, input: NewRecheck) {
          const shop = shopOf(caller, "merchants:profile")
          const merchant = Option.isNone(shop) ? Option.none() : yield* merchants.find(shop.value)
          if (Option.isNone(shop) || Option.isNone(merchant)) return yield* new MerchantNotFound({})
          const { code, name } = merchant.value
          const row = yield* rowOf(caller, id, { ...input, code, shopName: name }, shop.value)
          const made = yield* Effect.gen(function* () {
            const made = Option.filter(yield* repo.find(id), ({ applicantId }) => applicantId === caller.userId)
            if (Option.isSome(made)) return made.value
            yield* repo.insert(row, rulingOf(caller, "asked to be checked again"))
            yield* audit.record({
              action: "merchant.recheck",
              resource: { type: "merchant_application", id },
              merchantId: shop.value,
              after: auditedApplication(row)
            })
            return row
          }).pipe(
            // the code of a recheck is its merchant's own
            Effect.catchTag("MerchantCodeTaken", Effect.die),
            transactionOf(sql, "mall_store_tenant", { merchantId: shop.value, userId: caller.userId })
          )
          return yield* toView(made)
        },
        retryConflicts,
        Effect.catchTag("SqlError", Effect.die)
      )

      const show = Effect.fn("Applications.show")(
        function* (caller: Principal, id: ApplicationId) {
          const row = yield* Effect.flatMap(repo.find(id), own(caller))
          const shown = yield* documents.current(id)
          const missing = missingOf(requirementsOf(row.level, row.kind, row.country), kindsOf(shown))
          const history = historyForApplicant(row.applicantId, yield* repo.history(id))
          return { application: yield* toView(row), documents: shown, missing, history }
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const edit = Effect.fn("Applications.edit")(
        function* (caller: Principal, id: ApplicationId, input: NewApplication) {
          const before = yield* Effect.flatMap(repo.lock(id), own(caller))
          if (!isEditable(before.status)) {
            return yield* new ApplicationStateConflict({ applicationStatus: before.status })
          }
          const { country, kind, level } = input
          const { code, shopName } = before.purpose === "recheck" ? before : input
          if (code !== before.code) yield* assertFree(code)
          const updatedAt = yield* DateTime.nowAsDate
          const sealed = sealParticulars(keys, id, input)
          const after: ApplicationRow = { ...before, country, kind, level, code, shopName, ...sealed, updatedAt }
          yield* repo.update(before, after, rulingOf(caller, "changed"))
          return yield* toView(after)
        },
        sql.withTransaction,
        retryConflicts,
        // somebody has no second open application to collide with
        Effect.catchTag(["SqlError", "ApplicationOpen"], Effect.die)
      )

      const submit = Effect.fn("Applications.submit")(
        function* (caller: Principal, id: ApplicationId) {
          const before = yield* Effect.flatMap(repo.lock(id), own(caller))
          if (before.status === "submitted") return yield* toView(before)
          if (!applicationLifecycle.can(before.status, "submitted")) {
            return yield* new ApplicationStateConflict({ applicationStatus: before.status })
          }
          const kinds = kindsOf(yield* documents.current(id))
          const missing = missingOf(requirementsOf(before.level, before.kind, before.country), kinds)
          if (missing.length > 0) return yield* new DocumentsMissing({ missing })
          const after: ApplicationRow = { ...before, status: "submitted", updatedAt: yield* DateTime.nowAsDate }
          yield* repo.update(before, after, rulingOf(caller, "submitted"))
          return yield* toView(after)
        },
        sql.withTransaction,
        retryConflicts,
        Effect.catchTag(["SqlError", "ApplicationOpen", "MerchantCodeTaken"], Effect.die)
      )

      return Applications.of({
        apply,
        recheck,
        list: Effect.fn("Applications.list")(
          function* (caller, { after, limit = defaultLimit }) {
            const before = after === undefined ? {} : { before: yield* cursor.decode(after) }
            const rows = yield* repo.list({ applicantId: caller.userId, ...before, limit: limit + 1 })
            return toPage(yield* Effect.forEach(rows, toView), limit, ({ id }) => cursor.encode(id))
          },
          Effect.catchTag("SqlError", Effect.die)
        ),
        show,
        edit,
        submit
      })
    })
  )
}
