import {
  ApplicationDetails,
  ApplicationId,
  ApplicationPage,
  ApplicationStatus,
  MerchantApplication
} from "@mall/domain/merchants/Application"
import { DocumentId } from "@mall/domain/merchants/Document"
import { MerchantId } from "@mall/domain/merchants/Merchant"
import { MerchantDetails, MerchantPage, MerchantProfile } from "@mall/domain/merchants/MerchantProfile"
import { Documents } from "@mall/merchants/kyc/Documents"
import { ApplicationReviews } from "@mall/merchants/onboarding/ApplicationReviews"
import { MerchantAdministration } from "@mall/merchants/standing/MerchantAdministration"
import { Console, Effect, FileSystem, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { confirm, yes } from "./Confirm.ts"
import { given, page, reason } from "./flags.ts"
import { historySection } from "./historySection.ts"
import { operator } from "./Operator.ts"
import { fields, json, print, printPage, section, table } from "./Output.ts"
import * as Services from "./Services.ts"

const actor = Effect.map(operator, (name) => `operator:${name}`)
const anId = "0198a3b2-7c11-7d3e-9a55-2f0e8c9b1a77"

const merchant = Argument.String("merchant").pipe(
  Argument.withSchema(MerchantId),
  Argument.withDescription("The id of the merchant")
)
const application = Argument.String("application").pipe(
  Argument.withSchema(ApplicationId),
  Argument.withDescription("The id of the application")
)

const list = Command.make(
  "list",
  { ...page, json },
  Effect.fnUntraced(function* ({ after, json, limit }) {
    const merchants = yield* (yield* MerchantAdministration).list({ limit, ...given({ after }) })
    yield* printPage(merchants, {
      json,
      schema: MerchantPage,
      columns: {
        merchant: ({ id }) => id,
        code: ({ code }) => code,
        name: ({ name }) => name.en || name.zh,
        standing: ({ standing }) => standing,
        level: ({ kycLevel }) => kycLevel,
        "known until": ({ verifiedUntil }) => verifiedUntil
      },
      empty: "There are no merchants."
    })
  })
).pipe(
  Command.withDescription("List merchants, newest first, with their standing"),
  Command.withExamples([{ command: "mall merchants list --json" }]),
  Command.provide(Services.layer)
)

const show = Command.make(
  "show",
  { merchant, json },
  Effect.fnUntraced(function* ({ json, merchant: id }) {
    const details = yield* (yield* MerchantAdministration).show(id)
    const { history, merchant } = details
    yield* print(
      details,
      { json, schema: MerchantDetails },
      Effect.gen(function* () {
        const { name, ...rest } = merchant
        yield* fields({ ...rest, name: name.en || name.zh })
        yield* historySection({ standing: ({ standing }) => standing, check: ({ kycStatus }) => kycStatus }, history)
      })
    )
  })
).pipe(
  Command.withDescription("Show a merchant and what became of them"),
  Command.withExamples([{ command: `mall merchants show ${anId}` }]),
  Command.provide(Services.layer)
)

const applications = Command.make(
  "applications",
  {
    status: Flag.Literals("status", ApplicationStatus.literals).pipe(
      Flag.withDescription("Only those that are so"),
      Flag.optional
    ),
    ...page,
    json
  },
  Effect.fnUntraced(function* ({ after, json, limit, status }) {
    const found = yield* (yield* ApplicationReviews).list({ limit, ...given({ after, status }) })
    yield* printPage(found, {
      json,
      schema: ApplicationPage,
      columns: {
        application: ({ id }) => id,
        purpose: ({ purpose }) => purpose,
        status: ({ status }) => status,
        code: ({ code }) => code,
        name: ({ legalName }) => legalName,
        country: ({ country }) => country,
        level: ({ level }) => level,
        recommended: ({ recommendation }) => recommendation
      },
      empty: "Nobody applied."
    })
  })
).pipe(
  Command.withDescription("List applications, newest first"),
  Command.withExamples([{ command: "mall merchants applications --status submitted" }]),
  Command.provide(Services.layer)
)

const told = ({ id, status }: MerchantApplication) => Console.log(`The application ${id} is ${status}.`)

const showReview = (id: ApplicationId, json: boolean) =>
  Effect.gen(function* () {
    const details = yield* (yield* ApplicationReviews).show(id)
    yield* print(
      details,
      { json, schema: ApplicationDetails },
      Effect.gen(function* () {
        const { contact, shopName, ...rest } = details.application
        yield* fields({
          ...rest,
          "shop name": shopName.en || shopName.zh,
          contact: contact === null ? null : `${contact.name}, ${contact.email}, ${contact.phone}`,
          missing: details.missing.map((kinds) => kinds.join(" or ")).join(", ")
        })
        yield* section(
          "Documents",
          {
            document: ({ id }) => id,
            kind: ({ kind }) => kind,
            type: ({ mediaType }) => mediaType,
            bytes: ({ size }) => size,
            scan: ({ scan }) => scan,
            "counts until": ({ expiresOn }) => expiresOn
          },
          details.documents
        )
        yield* historySection({ from: ({ fromStatus }) => fromStatus, to: ({ toStatus }) => toStatus }, details.history)
      })
    )
  })

const review = Command.make(
  "review",
  {
    application,
    recommend: Flag.Literals("recommend", ["approve", "reject", "changes"]).pipe(
      Flag.withDescription("What to do; `changes` asks the applicant for them. Without it the application is shown"),
      Flag.optional
    ),
    reason: Flag.optional(reason),
    yes,
    json
  },
  Effect.fnUntraced(function* ({ application: id, json, reason, recommend, yes }) {
    if (Option.isNone(recommend)) return yield* showReview(id, json)
    yield* confirm(`Recommending ${recommend.value} for the application ${id}`, yes)
    const ruling = { actor: yield* actor, reason: Option.getOrElse(reason, () => "reviewed") }
    const reviews = yield* ApplicationReviews
    const reviewed = yield* recommend.value === "changes"
      ? reviews.requestChanges(id, ruling)
      : reviews.recommend(id, recommend.value, ruling)
    yield* print(reviewed, { json, schema: MerchantApplication }, told(reviewed))
  })
).pipe(
  Command.withDescription("Show an application with its documents, or recommend what another should decide"),
  Command.withExamples([
    { command: `mall merchants review ${anId}` },
    { command: `mall merchants review ${anId} --recommend approve --reason "all papers match" --yes` }
  ]),
  Command.provide(Services.layer)
)

const ruling = <const Name extends "approve" | "reject">(name: Name, description: string) =>
  Command.make(
    name,
    { application, reason, yes, json },
    Effect.fnUntraced(function* ({ application: id, json, reason, yes }) {
      yield* confirm(name === "approve" ? `Admitting ${id} as a merchant` : `Rejecting the application ${id}`, yes)
      const reviews = yield* ApplicationReviews
      const decided = yield* reviews[name](id, { actor: yield* actor, reason })
      yield* print(decided, { json, schema: MerchantApplication }, told(decided))
    })
  ).pipe(
    Command.withDescription(description),
    Command.withExamples([{ command: `mall merchants ${name} ${anId} --reason "checked the register" --yes` }]),
    Command.provide(Services.layer)
  )

const standing = <const Name extends "suspend" | "resume">(name: Name, description: string) =>
  Command.make(
    name,
    { merchant, reason, yes, json },
    Effect.fnUntraced(function* ({ json, merchant: id, reason, yes }) {
      yield* confirm(`${name === "suspend" ? "Suspending" : "Resuming"} the merchant ${id}`, yes)
      const merchants = yield* MerchantAdministration
      const merchant = yield* merchants[name](id, { actor: yield* actor, reason })
      yield* print(
        merchant,
        { json, schema: MerchantProfile },
        Console.log(`The merchant ${merchant.code} is ${merchant.standing}.`)
      )
    })
  ).pipe(
    Command.withDescription(description),
    Command.withExamples([{ command: `mall merchants ${name} ${anId} --reason "complaints of buyers" --yes` }]),
    Command.provide(Services.layer)
  )

const Saved = Schema.Struct({ file: Schema.String, bytes: Schema.Int })

const documents = Command.make(
  "documents",
  {
    application,
    document: Flag.String("document").pipe(
      Flag.withSchema(DocumentId),
      Flag.withDescription("The one to save: an id"),
      Flag.optional
    ),
    out: Flag.String("out").pipe(Flag.withDescription("The file to save it to, which must not exist"), Flag.optional),
    json
  },
  Effect.fnUntraced(function* ({ application: id, document, json, out }) {
    if (Option.isSome(document)) {
      const file = Option.getOrElse(out, () => `${document.value}.bin`)
      const bytes = yield* (yield* Documents).read(null, id, document.value)
      const fs = yield* FileSystem.FileSystem
      yield* fs.writeFile(file, bytes, { flag: "wx", mode: 0o600 })
      const saved = { file, bytes: bytes.length }
      return yield* print(saved, { json, schema: Saved }, Console.log(`${saved.bytes} bytes are in ${file}.`))
    }
    const details = yield* (yield* ApplicationReviews).show(id)
    yield* print(
      details,
      { json, schema: ApplicationDetails },
      table(
        {
          document: ({ id }) => id,
          kind: ({ kind }) => kind,
          type: ({ mediaType }) => mediaType,
          bytes: ({ size }) => size,
          scan: ({ scan }) => scan
        },
        details.documents,
        "There are no documents."
      )
    )
  })
).pipe(
  Command.withDescription("List the documents of an application, or save one to a file"),
  Command.withExamples([{ command: `mall merchants documents ${anId} --document ${anId} --out licence.pdf` }]),
  Command.provide(Services.layer)
)

export const MerchantsCommand = Command.make("merchants").pipe(
  Command.withSubcommands([
    list,
    show,
    applications,
    review,
    ruling("approve", "Decide as the second reviewer that an applicant becomes a merchant"),
    ruling("reject", "Decide as the second reviewer that an applicant does not"),
    standing("suspend", "Take nothing new for a merchant, at once"),
    standing("resume", "Let a merchant do business again"),
    documents
  ])
)
