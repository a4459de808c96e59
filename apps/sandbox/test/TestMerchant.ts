import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { ConfigProvider, Context, Effect, FileSystem, Layer, Queue, Schema } from "effect"
import type { Scope } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest, HttpRouter, HttpServer, HttpServerResponse } from "effect/http"
import type { Headers } from "effect/http"
import { createServer } from "node:http"
import { Aes, Formatter, Rsa, Wechatpay } from "wechatpay-axios-plugin"
import { Sandbox } from "../src/Sandbox.ts"
import { MerchantAccount } from "../src/wechatpay/WechatPayKeys.ts"

/** What the sandbox answered, errors of the protocol included. */
export interface Answered {
  readonly status: number
  readonly data: unknown
}

const Response = Schema.Struct({ status: Schema.Int, data: Schema.Unknown })

/** No usable answer came: the connection broke, or what came was not from the channel. */
export class Unusable extends Schema.TaggedError<Unusable>()("Unusable", {
  code: Schema.String,
  response: Schema.optionalKey(Response)
}) {}

/** A callback as the merchant received it. */
export interface Received {
  readonly headers: Headers.Headers
  readonly body: string
}

/** What is at `path` in JSON data; undefined where there is nothing. */
export const at = (data: unknown, ...path: ReadonlyArray<string | number>): unknown =>
  path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? Object.getOwnPropertyDescriptor(value, key)?.value : undefined,
    data
  )

const decodeJson = Schema.decodeSync(Schema.fromJsonString(Schema.Json))
const AccountJson = Schema.fromJsonString(MerchantAccount)
const isAxiosFailure = Schema.is(
  Schema.Struct({ code: Schema.optional(Schema.String), response: Schema.optional(Response) })
)

/**
 * A merchant of the sandbox: the real client library for its requests, a real server for its callbacks (`answers` are the
 * statuses it gives to the next ones, 204 when there is none), and a hand on the sandbox's controls.
 */
const makeMerchant = Effect.gen(function* () {
  const { url } = yield* Sandbox
  const folder = yield* DataFolder
  const fileSystem = yield* FileSystem.FileSystem
  const account = yield* fileSystem
    .readFileString(`${folder}/sandbox/wechatpay/merchant.json`)
    .pipe(Effect.flatMap(Schema.decodeEffect(AccountJson)))
  const { address } = yield* HttpServer.HttpServer
  const notifyUrl = `${HttpServer.formatAddress(address)}/notify`
  const { answers, notices } = yield* Inbox
  const http = yield* HttpClient.HttpClient

  const library = new Wechatpay({
    mchid: account.mchid,
    serial: account.merchantSerial,
    privateKey: account.merchantPrivateKeyPem,
    certs: { [account.platformSerial]: account.platformPublicKeyPem },
    baseURL: `${url}/wechatpay/`,
    proxy: false
  })

  const call = (
    method: "get" | "post",
    path: string,
    options: { readonly data?: unknown; readonly params?: Record<string, string>; readonly timeout?: number }
  ): Effect.Effect<Answered, Unusable> =>
    Effect.tryPromise({
      try: () => library.client.v3.request({ method, url: `v3/${path}`, ...options }),
      catch: (error) => {
        if (!isAxiosFailure(error)) return new Unusable({ code: String(error) })
        const isAnswered = error.response !== undefined && error.code?.startsWith("EV3") !== true
        return new Unusable({ code: error.code ?? "", ...(isAnswered ? { response: error.response } : {}) })
      }
    }).pipe(
      Effect.map(({ data, status }) => ({ status, data })),
      Effect.catchTag("Unusable", (error) =>
        error.response === undefined ? Effect.fail(error) : Effect.succeed(error.response)
      )
    )
  const params = { mchid: account.mchid }

  const native = (order: Record<string, unknown>) => ({
    appid: account.appid,
    mchid: account.mchid,
    description: "Image形象店-深圳腾大-QQ公仔",
    notify_url: notifyUrl,
    ...order
  })

  const control = (method: "GET" | "POST" | "DELETE", path: string, body?: unknown) =>
    HttpClientRequest.make(method)(`${url}/control${path}`).pipe(
      (request) => (body === undefined ? request : HttpClientRequest.bodyJsonUnsafe(request, body)),
      http.execute,
      Effect.flatMap((response) =>
        Effect.map(response.text, (text) => ({
          status: response.status,
          data: text === "" ? undefined : decodeJson(text)
        }))
      ),
      Effect.orDie
    )

  return {
    url,
    folder,
    account,
    notifyUrl,
    notices,
    answers,
    http,
    control,
    call,
    create: (order: Record<string, unknown>, options: { readonly timeout?: number } = {}) =>
      call("post", "pay/transactions/native", { data: native(order), ...options }),
    query: (outTradeNo: string) => call("get", `pay/transactions/out-trade-no/${outTradeNo}`, { params }),
    queryById: (transactionId: string) => call("get", `pay/transactions/id/${transactionId}`, { params }),
    close: (outTradeNo: string) => call("post", `pay/transactions/out-trade-no/${outTradeNo}/close`, { data: params }),
    refund: (refund: Record<string, unknown>) =>
      call("post", "refund/domestic/refunds", { data: { notify_url: notifyUrl, ...refund } }),
    queryRefund: (outRefundNo: string) => call("get", `refund/domestic/refunds/${outRefundNo}`, {}),
    fault: (operation: string, fault: Record<string, unknown>, rule: Record<string, unknown> = { times: 1 }) =>
      control("POST", "/faults", { operation, fault, ...rule }),
    pay: (out_trade_no: string, options?: unknown) => control("POST", `/wechatpay/orders/${out_trade_no}/pay`, options),
    /** Whether the platform signed it, by the client library's own check. */
    isGenuine: ({ body, headers }: Received) =>
      headers["wechatpay-serial"] === account.platformSerial &&
      Rsa.verify(
        Formatter.joinedByLineFeed(headers["wechatpay-timestamp"] ?? "", headers["wechatpay-nonce"] ?? "", body),
        headers["wechatpay-signature"] ?? "",
        account.platformPublicKeyPem
      ),
    /** The envelope and what it holds, by the client library's own decryption. */
    open: ({ body }: Received) => {
      const envelope = decodeJson(body)
      const part = (name: string) => String(at(envelope, "resource", name))
      const text = Aes.AesGcm.decrypt(part("ciphertext"), account.apiV3Key, part("nonce"), part("associated_data"))
      return { envelope, resource: decodeJson(text) }
    }
  }
})

class DataFolder extends Context.Service<DataFolder, string>()("@mall/sandbox/test/DataFolder") {}

class Inbox extends Context.Service<
  Inbox,
  { readonly notices: Queue.Queue<Received>; readonly answers: Array<number> }
>()("@mall/sandbox/test/Inbox") {
  static readonly layer = Layer.effect(
    Inbox,
    Effect.map(Queue.unbounded<Received>(), (notices) => ({ notices, answers: [] }))
  )
}

const NotifyRoute = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const { answers, notices } = yield* Inbox
    yield* router.add("POST", "/notify", (request) =>
      Effect.gen(function* () {
        const body = yield* request.text
        yield* Queue.offer(notices, { headers: request.headers, body })
        return HttpServerResponse.empty({ status: answers.shift() ?? 204 })
      })
    )
  })
)

const NotifyServer = HttpRouter.serve(NotifyRoute, { disableListenLog: true, disableLogger: true }).pipe(
  Layer.provideMerge(Layer.merge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }), Inbox.layer))
)

/** Everything on `folder`, with the settings given. Two in a row on one folder are a restart. */
export const merchantOn = (folder: string, settings: Record<string, string> = {}) =>
  Layer.effect(TestMerchant, makeMerchant).pipe(
    Layer.provide([Sandbox.layer, NotifyServer]),
    Layer.provide([
      NodeFileSystem.layer,
      FetchHttpClient.layer,
      Layer.succeed(DataFolder, folder),
      ConfigProvider.layer(
        ConfigProvider.fromUnknown({
          SANDBOX_PORT: "0",
          MALL_DATA_DIR: folder,
          SANDBOX_RETRY_SCALE: "0.001",
          SANDBOX_REFUND_DELAY: "20 millis",
          ...settings
        })
      )
    ])
  )

export const temporaryFolder: Effect.Effect<string, never, Scope.Scope> = Effect.flatMap(
  FileSystem.FileSystem,
  (fileSystem) => fileSystem.makeTempDirectoryScoped({ prefix: "mall-sandbox-" })
).pipe(Effect.orDie, Effect.provide(NodeFileSystem.layer))

export class TestMerchant extends Context.Service<TestMerchant, Effect.Success<typeof makeMerchant>>()(
  "@mall/sandbox/test/TestMerchant"
) {
  static readonly layer = Layer.unwrap(Effect.map(temporaryFolder, (folder) => merchantOn(folder)))
}
