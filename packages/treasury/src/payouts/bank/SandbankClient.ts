import * as Downstream from "@mall/platform/Downstream"
import { CallFailed } from "@mall/platform/DownstreamError"
import type { DownstreamUnavailable } from "@mall/platform/DownstreamError"
import { ByteSize, Clock, Config, Effect, FileSystem, Option, Path, Redacted, Schema } from "effect"
import { HttpClient, HttpClientRequest, HttpIncomingMessage } from "effect/http"
import { createHmac, timingSafeEqual } from "node:crypto"

/** How far the clocks may be apart. */
const tolerance = 300_000
const largestAnswer = ByteSize.mebibytes(4)

const Account = Schema.Struct({ clientId: Schema.NonEmptyString, secret: Schema.NonEmptyString })
const decodeAccount = Schema.decodeEffect(Schema.fromJsonString(Account))

export interface BankCall {
  readonly operation: string
  readonly method: "GET" | "POST" | "PUT"
  /** Below the bank's address, with the query. */
  readonly path: string
  readonly body?: string
  readonly contentType?: string
}

/** An answer that the bank signed. */
export interface SignedAnswer {
  readonly status: number
  readonly body: string
}

/** Requests and answers signed by a key that the bank and the platform share. */
export interface SandbankClient {
  readonly call: (request: BankCall) => Effect.Effect<SignedAnswer, DownstreamUnavailable>
}

const baseUrl = Config.String("SANDBANK_URL").pipe(
  Config.orElse(() =>
    Config.Port("SANDBOX_PORT").pipe(
      Config.withDefault(8090),
      Config.map((port) => `http://127.0.0.1:${port}/bank`)
    )
  ),
  Config.map((url) => url.replace(/\/$/, ""))
)

/** What the bank gave the platform: configured, or what the sandbox of this machine made. */
const readAccount = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const clientId = yield* Config.option(Config.NonEmptyString("SANDBANK_CLIENT"))
  const secret = yield* Config.option(Config.Redacted("SANDBANK_SECRET"))
  if (Option.isSome(clientId) && Option.isSome(secret)) {
    return Option.some({ clientId: clientId.value, secret: secret.value })
  }
  const folder = yield* Config.String("MALL_DATA_DIR").pipe(Config.withDefault(".mall"))
  const file = path.join(folder, "sandbox", "bank", "merchant.json")
  if (!(yield* fs.exists(file))) return Option.none()
  const account = yield* Effect.flatMap(fs.readFileString(file), decodeAccount)
  return Option.some({ clientId: account.clientId, secret: Redacted.make(account.secret) })
})

const macOf = (secret: Redacted.Redacted, parts: ReadonlyArray<string>) =>
  createHmac("sha256", Redacted.value(secret)).update(parts.join("\n")).digest()

const isMac = (secret: Redacted.Redacted, parts: ReadonlyArray<string>, given: string) => {
  const expected = macOf(secret, parts)
  const bytes = Buffer.from(given, "hex")
  return bytes.length === expected.length && timingSafeEqual(bytes, expected)
}

const unusable = (reason: string, mayHaveHappened = true) =>
  new CallFailed({ isRetryable: mayHaveHappened, mayHaveHappened, cause: new Error(reason) })

export const make = Effect.gen(function* () {
  const account = yield* readAccount
  const url = yield* baseUrl
  const http = yield* HttpClient.HttpClient
  const downstream = yield* Downstream.make("sandbank", { maxAttempts: 2 })

  const send = Effect.fnUntraced(function* ({ body = "", contentType = "application/json", method, path }: BankCall) {
    if (Option.isNone(account)) return yield* unusable("SANDBANK_SECRET is not set", false)
    const { clientId, secret } = account.value
    const time = String(yield* Clock.currentTimeMillis)
    const prepared = HttpClientRequest.make(method)(`${url}${path}`).pipe(
      HttpClientRequest.setHeaders({
        ...{ "bank-client": clientId, "bank-time": time },
        "bank-signature": macOf(secret, ["request", time, method, path, body]).toString("hex")
      }),
      (request) => (body === "" ? request : HttpClientRequest.bodyText(request, body, contentType))
    )
    const response = yield* http.execute(prepared).pipe(
      // the bank knows nothing of our traces
      Effect.provideService(HttpClient.TracerPropagationEnabled, false),
      Effect.mapError(CallFailed.ofHttpClientError)
    )
    const { status } = response
    if (status >= 500 || status === 429) return yield* unusable(`HTTP_${status}`)
    const text = yield* response.text.pipe(
      Effect.provideService(HttpIncomingMessage.MaxBodySize, largestAnswer),
      Effect.mapError(CallFailed.ofHttpClientError)
    )
    const answeredAt = response.headers["bank-time"] ?? ""
    const age = Math.abs((yield* Clock.currentTimeMillis) - Number(answeredAt))
    const isSigned = isMac(
      secret,
      // of this request: the answer to another says nothing
      ["answer", answeredAt, String(status), method, path, text],
      response.headers["bank-signature"] ?? ""
    )
    if (!isSigned || !(age <= tolerance)) return yield* unusable("ANSWER_NOT_SIGNED")
    const answer: SignedAnswer = { status, body: text }
    return answer
  })

  const client: SandbankClient = {
    // the bank knows what it was told before by its id
    call: (request) => downstream.call(send(request), { operation: request.operation, isRepeatable: true })
  }
  return client
})
