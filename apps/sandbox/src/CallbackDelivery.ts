import { ByteSize, Deferred, Duration, Effect } from "effect"
import { HttpClient, HttpClientRequest, HttpIncomingMessage } from "effect/http"
import type { Notice, NoticeProtocol } from "./Channel.ts"
import type { CallbackFault, Tampering } from "./Fault.ts"
import { slowly } from "./slowly.ts"

/** A merchant that has not answered by then has not acknowledged. */
const patience = Duration.seconds(5)
const largestAnswer = ByteSize.kibibytes(64)

interface Addressed extends Notice {
  readonly url: string
}

/** What came of a delivery; `outcome` is the merchant's status, or why there is none. */
interface Delivered {
  readonly acknowledged: boolean
  readonly outcome: string
}

/** Makes one delivery of a notice, or one that goes wrong as the fault says. It never fails: that too is an outcome. */
export const makeDelivery = Effect.gen(function* () {
  const client = yield* HttpClient.HttpClient
  const held = new Set<Deferred.Deferred<void>>()

  const send = Effect.fnUntraced(
    function* (
      notice: Addressed,
      protocol: NoticeProtocol,
      options: { readonly tampering?: Tampering; readonly pause?: number }
    ) {
      const sealed = yield* protocol.seal(notice, options.tampering)
      const type = sealed.headers["content-type"] ?? "application/json"
      const request = HttpClientRequest.post(notice.url).pipe(HttpClientRequest.setHeaders(sealed.headers))
      const response = yield* client.execute(
        options.pause === undefined
          ? HttpClientRequest.bodyText(request, sealed.body, type)
          : HttpClientRequest.bodyStream(request, slowly(sealed.body, options.pause), { contentType: type })
      )
      const body = yield* response.text
      return { acknowledged: protocol.isAcknowledged(response.status, body), outcome: String(response.status) }
    },
    Effect.provideService(HttpIncomingMessage.MaxBodySize, largestAnswer),
    // a channel knows nothing of the merchant's traces
    Effect.provideService(HttpClient.TracerPropagationEnabled, false),
    Effect.timeout(patience),
    Effect.catchTags({
      HttpClientError: (error) => Effect.succeed<Delivered>({ acknowledged: false, outcome: error.reason._tag }),
      TimeoutError: () => Effect.succeed<Delivered>({ acknowledged: false, outcome: "no answer in time" })
    })
  )

  const sendCopies = Effect.fnUntraced(function* (notice: Addressed, protocol: NoticeProtocol, times: number) {
    const copies = Array.from({ length: times }, () => send(notice, protocol, {}))
    const sent = yield* Effect.all(copies, { concurrency: "unbounded" })
    return {
      acknowledged: sent.some(({ acknowledged }) => acknowledged),
      outcome: sent.map(({ outcome }) => outcome).join(", ")
    }
  })

  const waitToBeOvertaken = Effect.fnUntraced(function* (milliseconds: number) {
    const overtaken = yield* Deferred.make<void>()
    held.add(overtaken)
    yield* Deferred.await(overtaken).pipe(
      Effect.timeoutOption(milliseconds),
      Effect.ensuring(Effect.sync(() => held.delete(overtaken)))
    )
  })

  const goWrong = Effect.fnUntraced(function* (
    notice: Addressed,
    protocol: NoticeProtocol,
    fault: CallbackFault
  ): Effect.fn.Return<Delivered> {
    switch (fault.kind) {
      case "delay":
        yield* Effect.sleep(fault.milliseconds)
        return yield* send(notice, protocol, {})
      case "drop":
        if (fault.when === "after") yield* send(notice, protocol, {})
        return { acknowledged: false, outcome: `dropped ${fault.when}` }
      case "tamper":
        return yield* send(notice, protocol, { tampering: fault.what })
      case "slow-drip":
        return yield* send(notice, protocol, { pause: fault.milliseconds })
      case "duplicate":
        return yield* sendCopies(notice, protocol, fault.times)
      case "reorder":
        yield* waitToBeOvertaken(fault.milliseconds)
        return yield* send(notice, protocol, {})
    }
  })

  return Effect.fnUntraced(function* (notice: Addressed, protocol: NoticeProtocol, fault: CallbackFault | undefined) {
    const delivered = yield* fault === undefined ? send(notice, protocol, {}) : goWrong(notice, protocol, fault)
    if (fault?.kind !== "reorder") {
      yield* Effect.forEach(Array.from(held), (overtaken) => Deferred.succeed(overtaken, undefined))
    }
    return delivered
  })
})
