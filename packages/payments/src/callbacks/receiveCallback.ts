import { ByteSize, Effect } from "effect"
import { HttpIncomingMessage, HttpServerResponse } from "effect/http"
import type { HttpServerRequest } from "effect/http"
import type { CallbackAddress, Callbacks } from "./Callbacks.ts"
import type { CallbackAnswer } from "../channel/Channel.ts"

/** No channel sends more; who does is no channel. */
const maxBody = ByteSize.kibibytes(64)

const toResponse = ({ body, contentType, status }: CallbackAnswer) =>
  body === undefined
    ? HttpServerResponse.empty({ status })
    : HttpServerResponse.text(body, { status, contentType: contentType ?? "text/plain" })

/** By the bytes, where one address serves several channels. */
type Address = CallbackAddress | ((body: Uint8Array) => CallbackAddress)

/** Hands the bytes of the body on as they came, for they are what is signed; answers in the channel's own format. */
export const receiveCallback = (
  callbacks: Callbacks["Service"],
  address: Address,
  request: HttpServerRequest.HttpServerRequest
) =>
  request.arrayBuffer.pipe(
    Effect.provideService(HttpIncomingMessage.MaxBodySize, maxBody),
    Effect.flatMap((buffer) => {
      const body = new Uint8Array(buffer)
      return callbacks.receive(typeof address === "function" ? address(body) : address, {
        headers: request.headers,
        body
      })
    }),
    // of a body that is too large, or that breaks off, nobody knows whose it is: it is told to the usual channel of the address
    Effect.catchTag("HttpServerError", () =>
      callbacks.refuseTooLarge(typeof address === "function" ? address(new Uint8Array()) : address)
    ),
    Effect.map(toResponse),
    Effect.catchTags({
      ChannelNotFound: () => Effect.succeed(HttpServerResponse.empty({ status: 404 }))
    })
  )
