import { assert, layer } from "@effect/vitest"
import { Principal, SessionId, UserId } from "@mall/domain/identity/CurrentUser"
import { Email } from "@mall/domain/identity/User"
import { generator } from "@mall/domain/kernel/Id"
import { ApplicationId, ApplicationPage, MerchantApplication } from "@mall/domain/merchants/Application"
import { DocumentId } from "@mall/domain/merchants/Document"
import { Applications } from "@mall/merchants/onboarding/Applications"
import { Documents } from "@mall/merchants/kyc/Documents"
import { Effect, FileSystem, Option } from "effect"
import { mall } from "./arrange.ts"
import { CommandLine, decode } from "./CommandLine.ts"

const content = new TextEncoder().encode("%PDF-1.7\n%%EOF\n")
const newUserId = generator(UserId)
const newSessionId = generator(SessionId)
const newApplicationId = generator(ApplicationId)
const newDocumentId = generator(DocumentId)

const submit = Effect.gen(function* () {
  const applications = yield* Applications
  const caller = new Principal({
    ...{ userId: yield* newUserId, sessionId: yield* newSessionId, roles: ["customer"] },
    ...{ merchantId: Option.none(), expiresAt: new Date("2100-01-01") }
  })
  const id = yield* newApplicationId
  yield* applications.apply(caller, id, {
    ...{ legalName: "Vera Visitor", shopName: { zh: "", en: "Tea" }, code: "tea", country: "DE", kind: "individual" },
    ...{ level: "basic", registrationNumber: "DE-4711" },
    contact: { name: "Vera Visitor", email: Email.make("vera@tea.example"), phone: "+4930123456" }
  })
  const upload = { kind: "passport", expiresOn: "2099-01-31", mediaType: "application/pdf", content } as const
  const document = yield* (yield* Documents).add(caller, id, yield* newDocumentId, upload)
  yield* applications.submit(caller, id)
  return { id, document }
})

layer(CommandLine.layerWithServices, { excludeTestServices: true, timeout: "90 seconds" })("mall merchants", (it) => {
  it.effect("shows an application without its contact, saves a document, and lets nobody decide alone", () =>
    Effect.gen(function* () {
      const { document, id } = yield* submit
      const waiting = yield* decode(
        ApplicationPage,
        yield* mall("merchants", "applications", "--status", "submitted", "--json")
      )
      assert.deepStrictEqual(
        waiting.data.map(({ id }) => id),
        [id]
      )
      const shown = yield* mall("merchants", "review", id)
      assert.include(shown.out, "unscanned")
      assert.notInclude(shown.out, "vera@tea.example")

      const { folder } = yield* CommandLine
      const file = `${folder}/passport.pdf`
      const saved = yield* mall("merchants", "documents", id, "--document", document.id, "--out", file, "--json")
      assert.deepStrictEqual(JSON.parse(saved.out), { file, bytes: content.length })
      const fs = yield* FileSystem.FileSystem
      assert.deepStrictEqual(yield* fs.readFile(file), content)
      assert.strictEqual((yield* mall("merchants", "documents", id, "--document", document.id, "--out", file)).code, 1)

      const unsure = yield* mall("merchants", "review", id, "--recommend", "reject", "--reason", "blurred")
      assert.strictEqual(unsure.code, 2)
      const recommended = yield* decode(
        MerchantApplication,
        yield* mall("merchants", "review", id, "--recommend", "reject", "--reason", "blurred", "--yes", "--json")
      )
      assert.deepStrictEqual([recommended.status, recommended.recommendedBy], ["in_review", "operator:olga"])
      const alone = yield* mall("merchants", "reject", id, "--reason", "blurred", "--yes")
      assert.strictEqual(alone.code, 1)
      assert.include(alone.err, "You recommended it yourself")
    })
  )
})
