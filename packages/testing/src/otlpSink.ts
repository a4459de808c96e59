import { Effect, Schema } from "effect"
import { createServer } from "node:http"

const Span = Schema.Struct({
  traceId: Schema.String,
  spanId: Schema.String,
  parentSpanId: Schema.optionalKey(Schema.String),
  name: Schema.String,
  kind: Schema.Int,
  attributes: Schema.Array(
    Schema.Struct({
      key: Schema.String,
      value: Schema.Struct({
        stringValue: Schema.optionalKey(Schema.String),
        intValue: Schema.optionalKey(Schema.Union([Schema.Finite, Schema.String]))
      })
    })
  ),
  status: Schema.Struct({ code: Schema.Int })
})
export type Span = typeof Span.Type

const Export = Schema.fromJsonString(
  Schema.Struct({
    resourceSpans: Schema.Array(
      Schema.Struct({ scopeSpans: Schema.Array(Schema.Struct({ spans: Schema.Array(Span) })) })
    )
  })
)

/** A collector that keeps what it is sent, answering each export with `status`. */
export const startSink = (status = 200) =>
  Effect.acquireRelease(
    Effect.callback<{
      readonly url: string
      readonly spans: Array<Span>
      readonly paths: Array<string>
      /** What was sent, as it came. */
      readonly bodies: Array<string>
      close(): void
    }>((resume) => {
      const spans: Array<Span> = []
      const paths: Array<string> = []
      const bodies: Array<string> = []
      const server = createServer((request, response) => {
        let body = ""
        paths.push(request.url ?? "")
        request.on("data", (chunk) => (body += chunk))
        request.on("end", () => {
          bodies.push(body)
          for (const { scopeSpans } of Schema.decodeSync(Export)(body).resourceSpans) {
            for (const scope of scopeSpans) spans.push(...scope.spans)
          }
          response.writeHead(status, { "content-type": "application/json" }).end("{}")
        })
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(
          Effect.succeed({
            url: `http://127.0.0.1:${port}`,
            spans,
            paths,
            bodies,
            close: () => server.closeAllConnections()
          })
        )
      })
      server.unref()
    }),
    (sink) => Effect.sync(() => sink.close())
  )
