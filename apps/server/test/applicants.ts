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

export const newApplicationId = generator(ApplicationId)
const newDocumentId = generator(DocumentId)
export const reason = "a test"
export const pdfOf = (inside = "") => Buffer.from(`%PDF-1.7\n${inside}\n%%EOF\n`)

/** What is personal of whom `named` applies for. */
export const personOf = (name: string) => ({
  legalName: `${name} Visitor`,
  registrationNumber: `DE-${name}-4711`,
  contact: { name: `${name} Visitor`, email: Email.make(`${name.toLowerCase()}@tea.example`), phone: "+4930123456" }
})

/** Somebody with an account who applies. */
export const anApplicant = Effect.fnUntraced(function* (name: string) {
  const sql = yield* SqlClient.SqlClient
  const applications = yield* Applications
  const userId = yield* newUserId
  const person = personOf(name)
  yield* sql`
    INSERT INTO identity.users
      (id, email, personal_data_key, password_hash, name, locale, roles, token_version_at, created_at, updated_at)
    VALUES (${userId}, ${person.contact.email}, '', 'none', ${name}, 'en', '{customer}', now(), now(), now())`
  const caller = new Principal({
    ...{ userId, sessionId: yield* newSessionId, roles: ["customer"] },
    ...{ merchantId: Option.none(), expiresAt: new Date("2100-01-01") }
  })
  const id = yield* newApplicationId
  const particulars = { kind: "individual", level: "basic", country: "DE", ...person } as const
  yield* applications.apply(caller, id, {
    ...{ shopName: { zh: "茶", en: `Tea of ${name}` }, code: `tea-${name.toLowerCase()}`, ...particulars }
  })
  return { caller, id, particulars }
})

type Applicant = Pick<Effect.Success<ReturnType<typeof anApplicant>>, "caller" | "id">

/** Their passport. */
export const show = Effect.fnUntraced(function* (
  { caller, id }: Applicant,
  expiresOn = "2099-01-31",
  content: Uint8Array = pdfOf()
) {
  const documents = yield* Documents
  const upload = { kind: "passport", expiresOn, mediaType: "application/pdf", content } as const
  return yield* documents.add(caller, id, yield* newDocumentId, upload)
})

export const olga = { actor: "operator:olga", reason }
export const bob = { actor: "operator:bob", reason }

/** What they sent in is approved by two. */
export const approve = Effect.fnUntraced(function* ({ caller, id }: Applicant) {
  const [applications, reviews] = yield* Effect.all([Applications, ApplicationReviews])
  yield* applications.submit(caller, id)
  yield* reviews.recommend(id, "approve", olga)
  const { merchantId } = yield* reviews.approve(id, bob)
  return yield* Effect.orDie(Effect.fromNullishOr(merchantId))
})

/** Somebody of this name applies, and is approved by two. */
export const admitted = Effect.fnUntraced(function* (name: string) {
  const applicant = yield* anApplicant(name)
  const { id: documentId } = yield* show(applicant)
  return { id: applicant.id, documentId, merchantId: yield* approve(applicant) }
})
