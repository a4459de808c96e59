import { Principal } from "@mall/domain/identity/CurrentUser"
import { Email } from "@mall/domain/identity/User"
import { generator } from "@mall/domain/kernel/Id"
import { ApplicationId } from "@mall/domain/merchants/Application"
import { DocumentId } from "@mall/domain/merchants/Document"
import { Documents } from "@mall/merchants/kyc/Documents"
import { ApplicationReviews } from "@mall/merchants/onboarding/ApplicationReviews"
import { Applications } from "@mall/merchants/onboarding/Applications"
import { Effect, Option } from "effect"
import { SqlClient } from "effect/sql"
import { newSessionId, newUserId } from "./shop.ts"

const newApplicationId = generator(ApplicationId)
const newDocumentId = generator(DocumentId)
const reason = "a test"
const content = new TextEncoder().encode("%PDF-1.7\n%%EOF\n")

/** Somebody of this name applies, and is approved by two. */
export const admitted = Effect.fnUntraced(function* (name: string) {
  const email = Email.make(`${name}@tea.example`)
  const sql = yield* SqlClient.SqlClient
  const userId = yield* newUserId
  yield* sql`
    INSERT INTO identity.users (id, email, password_hash, name, locale, roles, token_version_at, created_at, updated_at)
    VALUES (${userId}, ${email}, 'none', 'Vera', 'en', '{customer}', now(), now(), now())`
  const caller = new Principal({
    ...{ userId, sessionId: yield* newSessionId, roles: ["customer"] },
    ...{ merchantId: Option.none(), expiresAt: new Date("2100-01-01") }
  })
  const [applications, documents, reviews] = yield* Effect.all([Applications, Documents, ApplicationReviews])
  const id = yield* newApplicationId
  yield* applications.apply(caller, id, {
    ...{ legalName: "Vera Visitor", shopName: { zh: "茶", en: "Tea" }, code: `tea-${name}`, country: "DE" },
    ...{ kind: "individual", level: "basic", registrationNumber: "DE-4711" },
    contact: { name: "Vera Visitor", email, phone: "+4930123456" }
  })
  const upload = { kind: "passport", expiresOn: "2099-01-31", mediaType: "application/pdf", content } as const
  const document = yield* documents.add(caller, id, yield* newDocumentId, upload)
  yield* applications.submit(caller, id)
  yield* reviews.recommend(id, "approve", { actor: "operator:olga", reason })
  const approved = yield* reviews.approve(id, { actor: "operator:bob", reason })
  const merchantId = yield* Effect.fromNullishOr(approved.merchantId)
  return { id, documentId: document.id, merchantId }
})
