import { FxSourceUnavailable } from "@mall/domain/treasury/FxError"
import * as Downstream from "@mall/platform/Downstream"
import { CallFailed } from "@mall/platform/DownstreamError"
import { ByteSize, Config, Context, Effect, Layer, Option } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest, HttpClientResponse, HttpIncomingMessage } from "effect/http"
import { DefaultRatesUrl } from "./ExchangeConfig.ts"

const ecbUrl = "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml"
const largestFile = ByteSize.kibibytes(64)

/** The European Central Bank's file of the day's rates, as it is there. */
export class RateFeed extends Context.Service<
  RateFeed,
  { readonly download: Effect.Effect<string, FxSourceUnavailable> }
>()("@mall/treasury/exchange/RateFeed") {
  static readonly layer = Layer.effect(
    RateFeed,
    Effect.gen(function* () {
      const configured = yield* Config.option(Config.String("FX_ECB_URL"))
      const sandbox = yield* DefaultRatesUrl
      const url = Option.getOrElse(
        Option.orElse(configured, () => sandbox),
        () => ecbUrl
      )
      const downstream = yield* Downstream.make("ecb")
      const http = yield* HttpClient.HttpClient

      const attempt = http.execute(HttpClientRequest.get(url)).pipe(
        Effect.provideService(HttpClient.TracerPropagationEnabled, false),
        Effect.flatMap(HttpClientResponse.filterStatusOk),
        Effect.flatMap(({ text }) => text),
        Effect.provideService(HttpIncomingMessage.MaxBodySize, largestFile),
        Effect.catchTag("HttpClientError", (error) => Effect.fail(CallFailed.ofHttpClientError(error)))
      )

      return RateFeed.of({
        download: downstream
          .call(attempt, { operation: "download", isRepeatable: true })
          .pipe(Effect.mapError(({ reason }) => new FxSourceUnavailable({ source: "ecb", reason })))
      })
    })
  ).pipe(Layer.provide(FetchHttpClient.layer))
}
