import { Context, Effect, Layer, Schema } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"

const Message = Schema.Struct({
  msgtype: Schema.Literal("text"),
  text: Schema.Struct({ content: Schema.String, mentioned_list: Schema.Array(Schema.String) })
})
type Message = typeof Message.Type

const capacity = 1_000

/** The group that a robot of WeCom writes to: what came, newest first. */
export class Wecom extends Context.Service<
  Wecom,
  {
    receive(message: Message): Effect.Effect<void>
    readonly messages: Effect.Effect<ReadonlyArray<Message>>
    readonly clear: Effect.Effect<void>
  }
>()("@mall/sandbox/Wecom") {
  static readonly layer = Layer.sync(Wecom, () => {
    let received: ReadonlyArray<Message> = []
    return Wecom.of({
      receive: (message) =>
        Effect.sync(() => {
          received = [message, ...received].slice(0, capacity)
        }),
      messages: Effect.sync(() => received),
      clear: Effect.sync(() => {
        received = []
      })
    })
  })
}

const answer = (errcode: number, errmsg: string) => HttpServerResponse.jsonUnsafe({ errcode, errmsg })

/** `POST /wecom/cgi-bin/webhook/send?key=…`, as a group robot of WeCom takes a message of type `text`. */
export const layerHttp = HttpRouter.use((router) =>
  Effect.flatMap(Wecom, (wecom) =>
    router.add(
      "POST",
      "/wecom/cgi-bin/webhook/send",
      Effect.gen(function* () {
        const { key } = yield* HttpServerRequest.schemaSearchParams(Schema.Struct({ key: Schema.NonEmptyString }))
        if (key === "revoked") return answer(93000, "invalid webhook url")
        yield* Effect.flatMap(HttpServerRequest.schemaBodyJson(Message), wecom.receive)
        return answer(0, "ok")
      }).pipe(
        Effect.catchTags({
          SchemaError: () => Effect.succeed(answer(40008, "invalid message type")),
          HttpServerError: () => Effect.succeed(answer(40058, "invalid request"))
        })
      )
    )
  )
)
