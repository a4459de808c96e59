import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Config, Context, Effect, Layer, Predicate } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { BankBook } from "./bank/BankBook.ts"
import * as BankHttp from "./bank/BankHttp.ts"
import { BillChanges } from "./BillChanges.ts"
import { Callbacks } from "./Callbacks.ts"
import * as ChannelHttp from "./ChannelHttp.ts"
import { Channels } from "./Channels.ts"
import * as ControlHttp from "./control/ControlHttp.ts"
import * as Ecb from "./Ecb.ts"
import { Faults } from "./Faults.ts"
import { Journal } from "./Journal.ts"
import * as PageHttp from "./PageHttp.ts"
import { patientServer } from "./patientServer.ts"
import * as MailHttp from "./mail/MailHttp.ts"
import { MailSink } from "./mail/MailSink.ts"
import { RequestLedger } from "./RequestLedger.ts"
import { SandboxConfig } from "./SandboxConfig.ts"
import { SandboxUnavailable } from "./SandboxUnavailable.ts"
import * as Wecom from "./Wecom.ts"

const State = Channels.layer.pipe(
  Layer.provideMerge(Layer.mergeAll(Callbacks.layer, BankBook.layer)),
  Layer.provideMerge(
    Layer.mergeAll(
      BillChanges.layer,
      Journal.layer,
      Faults.layer,
      RequestLedger.layer,
      Wecom.Wecom.layer,
      Ecb.Ecb.layer,
      MailSink.layer
    )
  ),
  Layer.provide([NodeHttpClient.layerNodeHttp, NodeServices.layer])
)

const Routes = Layer.mergeAll(
  ChannelHttp.layer,
  BankHttp.layer,
  PageHttp.layer,
  ControlHttp.layer,
  Wecom.layerHttp,
  Ecb.layerHttp,
  MailHttp.layer
)

/** Slower answers (delays, drips) are cut when the process ends. */
const gracefulShutdownTimeout = "2 seconds"

const whyNotListening = (host: string, port: number, cause: unknown) =>
  Predicate.hasProperty(cause, "code") && cause.code === "EADDRINUSE"
    ? `The port ${port} is in use by another program; set SANDBOX_PORT to a free one.`
    : `The sandbox cannot listen on ${host}:${port}: ${String(cause)}.`

const Server = Layer.unwrap(
  Effect.map(SandboxConfig, ({ host, port }) =>
    NodeHttpServer.layerServer(patientServer, { host, port, gracefulShutdownTimeout }).pipe(
      Layer.catchTag("ServeError", ({ cause }) =>
        Layer.effect(
          HttpServer.HttpServer,
          Effect.fail(new SandboxUnavailable({ reason: whyNotListening(host, port, cause) }))
        )
      )
    )
  )
)

/**
 * The stand-ins for the payment channels, serving at `url` (no slash at its end), and a mail server at `smtpUrl`, for as
 * long as the layer lives.
 */
export class Sandbox extends Context.Service<Sandbox, { readonly url: string; readonly smtpUrl: string }>()(
  "@mall/sandbox/Sandbox"
) {
  /** Its keys and its port are ready when the layer is built. */
  static readonly layer: Layer.Layer<Sandbox, SandboxUnavailable | Config.ConfigError> = Layer.effect(
    Sandbox,
    Effect.gen(function* () {
      const { address } = yield* HttpServer.HttpServer
      const mail = yield* MailSink
      return Sandbox.of({ url: HttpServer.formatAddress(address), smtpUrl: mail.url })
    })
  ).pipe(
    // provided, not merged: its router must not reach another server of the process
    Layer.provide(HttpRouter.serve(Routes, { disableListenLog: true, disableLogger: true })),
    Layer.provide([State, NodeHttpServer.layerHttpServices]),
    // first the port, then the files: a second process must not touch the files of the one that serves
    Layer.provide(Server)
  )
}
