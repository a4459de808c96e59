import { Authorization, OptionalAuthorization } from "@mall/domain/identity/Authorization"
import { CurrentUser, CurrentVisitor } from "@mall/domain/identity/CurrentUser"
import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import {
  CallerSecret,
  Idempotent,
  InvalidIdempotencyKey,
  OneTimeAnswer,
  Operation
} from "@mall/domain/kernel/Operation"
import { ByteSize, Cause, Config, Context, Effect, Exit, Layer, Option, Schema } from "effect"
import { HttpEffect, HttpServerRespondable, HttpServerRequest, HttpServerResponse } from "effect/http"
import type { HttpApiEndpoint } from "effect/http-api"
import { createHash } from "node:crypto"
import { readCause, toResponse } from "./http/problems.ts"
import { Idempotency } from "./Idempotency.ts"
import type { Claim, StoredResponse } from "./IdempotencyRepo.ts"
import { requestHash } from "./requestHash.ts"
import { PersonalDataKeys } from "./sealing/PersonalDataKeys.ts"

/** `Idempotent` stands outside the middleware that knows the caller, so that one caller could be given another's answer. */
export class MisplacedIdempotent extends Schema.TaggedError<MisplacedIdempotent>()("MisplacedIdempotent", {
  endpoint: Schema.String
}) {
  override get message() {
    return `${this.endpoint}: declare .middleware(Idempotent) before .middleware(Authorization), which wraps what was declared before it`
  }
}

const newOperationId = generator(Uuid7.pipe(Schema.brand("OperationId")))

const printable = /^[\x20-\x7e]{1,255}$/

/** The request had not the right shape, or its sender may not send it: nothing was done, and another may come with this key. */
const refusals: ReadonlySet<number> = new Set([400, 401, 403, 405, 406, 408, 413, 415, 429])

const whatToDo = (status: number) => (refusals.has(status) ? "forget" : status >= 500 ? "release" : "keep")

const assertInside = (endpoint: HttpApiEndpoint.Top) => {
  const order = [...endpoint.middlewares].map(({ key }) => key)
  const own = order.indexOf(Idempotent.key)
  const isMisplaced = [Authorization.key, OptionalAuthorization.key].some(
    (key) => order.includes(key) && order.indexOf(key) < own
  )
  if (isMisplaced) throw new MisplacedIdempotent({ endpoint: `${endpoint.method} ${endpoint.path}` })
}

/** Of a secret, what tells it from others and does not tell it. */
const digestOfSecret = (secret: string) => createHash("sha256").update(secret).digest("base64url")

/** Who calls: the signed-in user, else the holder of the secret that the endpoint goes by, else the address of the request. */
const callerOf = Effect.fnUntraced(function* ({ annotations }: HttpApiEndpoint.Top) {
  const user = yield* Effect.serviceOption(CurrentUser)
  const visitor = Option.flatten(yield* Effect.serviceOption(CurrentVisitor))
  const request = yield* HttpServerRequest.HttpServerRequest
  const header = Context.get(annotations, CallerSecret)
  const secret = header === undefined ? undefined : request.headers[header]
  return Option.match(
    Option.orElse(user, () => visitor),
    {
      onSome: ({ actor, userId }) => `${actor} ${userId}`,
      onNone: () =>
        secret === undefined
          ? `address ${Option.getOrElse(request.remoteAddress, () => "unknown")}`
          : `holder ${digestOfSecret(secret)}`
    }
  )
})

/** The request as it came: method, path with its query, and the bytes of the body, which are read once and kept. */
const piecesOf = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
  const body = yield* Effect.orDie(request.arrayBuffer)
  return [`${request.method} ${request.url}\n`, new Uint8Array(body)]
})

const storable = (response: HttpServerResponse.HttpServerResponse): Option.Option<StoredResponse> => {
  const { body, status } = response
  const { "content-length": _, ...headers } = response.headers
  if (body._tag === "Empty") return Option.some({ status, headers, body: new Uint8Array() })
  if (body._tag !== "Uint8Array") return Option.none()
  return Option.some({ status, headers: { "content-type": body.contentType, ...headers }, body: body.body })
}

const replay = ({ body, headers, status }: StoredResponse) => {
  const replayed = { ...headers, "idempotency-replayed": "true" }
  return body.length === 0
    ? HttpServerResponse.empty({ status, headers: replayed })
    : HttpServerResponse.uint8Array(body, { status, headers: replayed })
}

/**
 * `Idempotent` over `Idempotency`. The scope of a key is the caller and the endpoint. Answers of the 2xx and business
 * errors (402, 404, 409, 422 …) are kept and replayed with status, headers and body; refusals (400, 401, 403, 429 …) are
 * forgotten, unless an earlier run under the key may have done something; after a 5xx, a defect, an interruption or an answer above `IDEMPOTENCY_MAX_BODY` (1 MiB) a retry runs
 * again, with the same operation id; so it does where the endpoint's is a `OneTimeAnswer`. Without the header each request is an operation of its own and nothing is stored.
 */
export const IdempotentLayer = Layer.effect(
  Idempotent,
  Effect.gen(function* () {
    const idempotency = yield* Idempotency
    const keys = yield* PersonalDataKeys
    const digestOf = keys.digestOf("platform.idempotency_keys.request_hash")
    const largest = yield* Config.ByteSize("IDEMPOTENCY_MAX_BODY").pipe(Config.withDefault(ByteSize.mebibytes(1)))
    const maxBody = ByteSize.toNumberUnsafe(largest)

    const settle = Effect.fnUntraced(
      function* (
        claim: Claim,
        exit: Exit.Exit<HttpServerResponse.HttpServerResponse, unknown>,
        { annotations }: HttpApiEndpoint.Top
      ) {
        if (Context.get(annotations, OneTimeAnswer)) return yield* idempotency.release(claim)
        const response = yield* responseOf(exit, largest)
        const action = Option.match(response, { onNone: () => "release", onSome: ({ status }) => whatToDo(status) })
        const kept = Option.filter(Option.flatMap(response, storable), ({ body }) => body.length <= maxBody)
        // what an earlier holder did under this operation id has to be found by whoever comes next
        const isTakenOver = claim.operationId !== claim.holder
        if (action === "forget" && !isTakenOver) return yield* idempotency.forget(claim)
        if (action !== "keep" || Option.isNone(kept)) return yield* idempotency.release(claim)
        return yield* idempotency.complete(claim, kept.value)
      },
      (effect, { key, scope }) =>
        // The work is done and its answer goes out; a retry waits for the lease and then finds the work by operation id.
        Effect.catchTag(effect, "SqlError", (error) =>
          Effect.logWarning("The outcome of an idempotent request could not be stored", { scope, key, error })
        )
    )

    return (httpEffect, { endpoint, group }) => {
      assertInside(endpoint)
      const name = `${group.identifier}.${endpoint.identifier}`
      return Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        const key = request.headers["idempotency-key"]
        const operationId = yield* newOperationId
        if (key === undefined) return yield* Effect.provideService(httpEffect, Operation, { id: operationId })
        if (!printable.test(key)) return yield* new InvalidIdempotencyKey({})
        const scope = `${yield* callerOf(endpoint)} ${name}`
        const hash = requestHash(digestOf, keys.currentId, yield* piecesOf(request))
        return yield* Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* () {
            // Not interruptible: a key claimed for a caller who left would be held until its lease ends.
            const outcome = yield* idempotency.claim({
              scope,
              key,
              requestHash: hash.text,
              isOf: hash.isOf,
              operationId
            })
            if (outcome._tag === "Completed") return replay(outcome.response)
            return yield* restore(Effect.provideService(httpEffect, Operation, { id: outcome.claim.operationId })).pipe(
              Effect.onExit((exit) => settle(outcome.claim, exit, endpoint))
            )
          })
        ).pipe(
          Effect.tapErrorTag("IdempotencyInFlight", ({ retryAfterSeconds }) =>
            HttpEffect.appendPreResponseHandler((_, response) =>
              Effect.succeed(HttpServerResponse.setHeader(response, "retry-after", String(retryAfterSeconds)))
            )
          ),
          Effect.catchTag("SqlError", Effect.die)
        )
      })
    }
  })
).pipe(Layer.provide(PersonalDataKeys.layer))

/** What the caller will get, where that is known here: an answer, an error that knows its answer, or a body of no shape. */
const responseOf = (exit: Exit.Exit<HttpServerResponse.HttpServerResponse, unknown>, maxBody: ByteSize.ByteSize) => {
  if (Exit.isSuccess(exit)) return Effect.succeedSome(exit.value)
  const error = Cause.findErrorOption(exit.cause)
  if (Option.isSome(error) && HttpServerRespondable.isRespondable(error.value)) {
    return Effect.asSome(HttpServerRespondable.toResponse(error.value))
  }
  const reading = readCause(exit.cause, maxBody)
  return reading.kind === "problem" ? Effect.asSome(toResponse(reading.problem)) : Effect.succeedNone
}
