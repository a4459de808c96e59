import type { Alert } from "@mall/domain/operations/Alert"
import { Config, Context, Effect, Layer, Option, Redacted, Schema } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest, HttpClientResponse } from "effect/http"
import * as Downstream from "../Downstream.ts"
import { CallFailed } from "../DownstreamError.ts"
import type { DownstreamUnavailable } from "../DownstreamError.ts"

/** The webhook answered that it did not take the message. */
class NoticeRefused extends Schema.TaggedError<NoticeRefused>()("NoticeRefused", {
  code: Schema.Int,
  reason: Schema.String
}) {
  override get message() {
    return `${this.code} ${this.reason}`
  }
}

/** What a group robot of WeCom answers; 0 is success. */
const Answer = Schema.Struct({ errcode: Schema.Int, errmsg: Schema.String })

const titleOf = ({ kind, subject }: Alert) => (subject === "" ? kind : `${kind} ${subject}`)

const textOf = (alert: Alert) => {
  const { acknowledgedBy, id, message, openedAt, resolvedAt, severity } = alert
  return [
    resolvedAt === null ? `[${severity}] ${titleOf(alert)}` : `[resolved] ${titleOf(alert)}`,
    message,
    `since ${openedAt.toISOString()}${resolvedAt === null ? "" : `, until ${resolvedAt.toISOString()}`}`,
    ...(acknowledgedBy === null ? [] : [`acknowledged by ${acknowledgedBy}`]),
    `mall alerts ack ${id}`
  ].join("\n")
}

/** As a group robot of WeCom takes it. What cannot wait calls everybody of the group. */
const messageOf = (alert: Alert) => ({
  msgtype: "text",
  text: {
    content: textOf(alert),
    mentioned_list: alert.severity === "P2" || alert.resolvedAt !== null ? [] : ["@all"]
  }
})

/** Tells people of an alert. `isThere` is false where nobody was named who could be told. */
export class AlertNotifier extends Context.Service<
  AlertNotifier,
  {
    readonly isThere: boolean
    tell(alert: Alert): Effect.Effect<void, NoticeRefused | DownstreamUnavailable>
  }
>()("@mall/platform/alerts/AlertNotifier") {
  /** The webhook of `ALERTS_WECOM_URL`, whose address holds a key and is shown nowhere. Nobody where it is not set. */
  static readonly layer = Layer.effect(
    AlertNotifier,
    Effect.gen(function* () {
      const url = yield* Config.option(Config.Redacted("ALERTS_WECOM_URL"))
      if (Option.isNone(url)) return AlertNotifier.of({ isThere: false, tell: () => Effect.void })
      const downstream = yield* Downstream.make("wecom")
      const http = yield* HttpClient.HttpClient

      const send = (alert: Alert) =>
        HttpClientRequest.post(Redacted.value(url.value)).pipe(
          HttpClientRequest.bodyJsonUnsafe(messageOf(alert)),
          http.execute,
          Effect.flatMap(HttpClientResponse.filterStatusOk),
          Effect.catchTag("HttpClientError", (error) => Effect.fail(CallFailed.ofHttpClientError(error))),
          Effect.flatMap((response) =>
            Effect.mapError(
              HttpClientResponse.schemaBodyJson(Answer)(response),
              (cause) => new CallFailed({ isRetryable: false, mayHaveHappened: true, cause })
            )
          ),
          Effect.flatMap(({ errcode, errmsg }) =>
            errcode === 0
              ? Effect.void
              : Effect.fail(new NoticeRefused({ code: errcode, reason: errmsg.slice(0, 200) }))
          ),
          // the address is a secret
          Effect.withTracerEnabled(false)
        )

      return AlertNotifier.of({
        isThere: true,
        // a message that comes twice does no harm, one that does not come does
        tell: (alert) => downstream.call(send(alert), { operation: "send", isRepeatable: true })
      })
    })
  ).pipe(Layer.provide(FetchHttpClient.layer))
}
