import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, layer } from "@effect/vitest"
import * as PaymentGatewayRpc from "@mall/client/PaymentGatewayRpc"
import { UserId } from "@mall/domain/identity/CurrentUser"
import { payments, ServiceName } from "@mall/domain/identity/ServiceName"
import { Unauthorized } from "@mall/domain/kernel/EdgeError"
import { generator } from "@mall/domain/kernel/Id"
import { Money } from "@mall/domain/kernel/Money"
import { PaymentGateway, PaymentId, RefundId } from "@mall/domain/payments/PaymentGateway"
import { ServiceTokens } from "@mall/identity/services/ServiceTokens"
import * as Sql from "@mall/platform/Sql"
import { freePort } from "@mall/testing/freePort"
import { acquireDatabase } from "@mall/testing/TestDatabase"
import { mallFolder } from "@mall/testing/mallFolder"
import { startServer } from "@mall/testing/TestServer"
import { Cause, Context, DateTime, Duration, Effect, Exit, Layer, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import * as fs from "node:fs"
import { makeAuthority, makeServiceCertificate } from "../../../scripts/certificates.ts"
import type { PemPair } from "../../../scripts/certificates.ts"
import { eventually } from "./shoppers.ts"

const mall = ServiceName.make("mall")
const ledger = ServiceName.make("ledger")
const newPaymentId = generator(PaymentId)
const newRefundId = generator(RefundId)
const newUserId = generator(UserId)
const cny = (amount: number) => Money.of(amount, "CNY")

const makePlatform = Effect.gen(function* () {
  const now = yield* DateTime.now
  const validity = { notBefore: DateTime.toDateUtc(now), notAfter: DateTime.toDateUtc(DateTime.add(now, { days: 1 })) }
  const authority = yield* makeAuthority(validity)
  const certificateOf = (service: ServiceName) =>
    makeServiceCertificate(authority, { ...validity, service, hosts: ["127.0.0.1"] })

  const folder = yield* mallFolder
  const write = (name: string, text: string) => {
    fs.writeFileSync(`${folder}/${name}`, text)
    return `${folder}/${name}`
  }
  const own = yield* certificateOf(payments)
  const database = yield* acquireDatabase
  const server = yield* startServer({
    database,
    roles: "api",
    environment: {
      ACCESS_LOG: "false",
      TLS_CERT_FILE: write("payments.crt", own.certificate),
      TLS_KEY_FILE: write("payments.key", own.key),
      TLS_CLIENT_CA_FILE: write("ca.crt", authority.certificate)
    }
  })
  const services = yield* Layer.build(ServiceTokens.layer.pipe(Layer.provideMerge(Sql.layerUrl(database))))
  return {
    ...{ authority, server },
    mallCertificate: yield* certificateOf(mall),
    ledgerCertificate: yield* certificateOf(ledger),
    tokens: Context.get(services, ServiceTokens),
    sql: Context.get(services, SqlClient.SqlClient)
  }
})

/** A pay platform in a process of its own, which wants a certificate of each caller. */
class Platform extends Context.Service<Platform, Effect.Success<typeof makePlatform>>()(
  "@mall/server/test/services/Platform"
) {
  static readonly layer = Layer.effect(Platform, makePlatform)
}

const issue = Effect.flatMap(Platform, ({ tokens }) =>
  tokens.issue({
    ...{ callingService: mall, calledService: payments, lifetime: Duration.days(1), overlap: Duration.minutes(1) },
    ...{ reason: "test", actor: "operator:test" }
  })
)

interface Caller {
  readonly token: string
  readonly certificate?: PemPair
  readonly port?: number
}

/** The port, as this process has it, which is another than the pay platform's. */
const gatewayOf = Effect.fnUntraced(function* ({ certificate, port, token }: Caller) {
  const { authority, server } = yield* Platform
  const shown = certificate === undefined ? {} : { cert: certificate.certificate, key: certificate.key }
  const services = yield* Layer.build(
    PaymentGatewayRpc.layer({
      baseUrl: `https://127.0.0.1:${port ?? server.port}`,
      token: Redacted.make(token)
    }).pipe(Layer.provide(NodeHttpClient.layerNodeHttpOptions({ ca: authority.certificate, ...shown })))
  )
  return Context.get(services, PaymentGateway)
})

const newRequest = Effect.gen(function* () {
  const expiresAt = DateTime.toDateUtc(DateTime.add(yield* DateTime.now, { hours: 1 }))
  return {
    ...{ id: yield* newPaymentId, payerId: yield* newUserId, amount: cny(1990) },
    ...{ reference: "checkout-1", description: "茶", expiresAt }
  }
})

const ask = (gateway: PaymentGateway["Service"]) =>
  Effect.exit(Effect.flatMap(newPaymentId, (id) => gateway.find([id])))

/** Waits until the pay platform, which hears of a token in its own time, lets its holder in. */
const letIn = (gateway: PaymentGateway["Service"]) => eventually(ask(gateway), Exit.isSuccess, "the token to be known")

const refusalOf = Effect.fnUntraced(function* (gateway: PaymentGateway["Service"]) {
  const exit = yield* Effect.exit(gateway.create(yield* newRequest))
  return Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
})

layer(Platform.layer, { excludeTestServices: true, timeout: "2 minutes" })(
  "a pay platform in another process",
  (it) => {
    it.effect("makes, finds, settles and closes payments over mutual TLS as one within the process does", () =>
      Effect.gen(function* () {
        const { mallCertificate, server, sql } = yield* Platform
        assert.include(server.lines().join("\n"), `https://127.0.0.1:${server.port}/rpc`)
        const { token } = yield* issue
        const gateway = yield* gatewayOf({ token, certificate: mallCertificate })
        yield* letIn(gateway)

        const request = yield* newRequest
        const made = yield* Effect.replicateEffect(gateway.create(request), 5, { concurrency: "unbounded" })
        for (const each of made) assert.deepStrictEqual(each, made[0])
        assert.deepInclude(made[0], { id: request.id, status: "pending", reference: "checkout-1", amount: cny(1990) })
        const unknown = yield* newPaymentId
        const found = yield* gateway.find([request.id, unknown, request.id])
        assert.deepStrictEqual([...found.keys()], [request.id])
        assert.strictEqual((yield* gateway.find(yield* Effect.replicateEffect(newPaymentId, 501))).size, 0)
        assert.strictEqual((yield* gateway.settle(request.id)).status, "pending")

        const refund = { id: yield* newRefundId, paymentId: request.id, amount: cny(1), reason: "returned" }
        const unpaid = yield* Effect.flip(gateway.refund(refund))
        assert.strictEqual(unpaid._tag, "PaymentStateConflict")
        assert.strictEqual(yield* gateway.close(request.id, "not wanted"), "canceled")
        assert.strictEqual((yield* gateway.settle(request.id)).status, "canceled")
        assert.strictEqual((yield* Effect.flip(gateway.settle(unknown)))._tag, "PaymentNotFound")
        assert.strictEqual((yield* Effect.flip(gateway.close(unknown, "x")))._tag, "PaymentNotFound")

        const history = yield* sql<{ actor: string }>`
        SELECT DISTINCT actor FROM payments.history WHERE payment_id = ${request.id}`
        assert.deepStrictEqual(
          history.map(({ actor }) => actor),
          ["service:mall"]
        )
      }).pipe(Effect.scoped)
    )

    it.effect("refuses a made-up token, one of another service's connection, and one that was revoked", () =>
      Effect.gen(function* () {
        const { ledgerCertificate, mallCertificate, tokens } = yield* Platform
        const { serviceToken, token } = yield* issue
        const good = yield* gatewayOf({ token, certificate: mallCertificate })
        yield* letIn(good)
        const madeUp = yield* gatewayOf({ token: `mst_${"A".repeat(43)}`, certificate: mallCertificate })
        const stolen = yield* gatewayOf({ token, certificate: ledgerCertificate })
        for (const gateway of [madeUp, stolen]) assert.instanceOf(yield* refusalOf(gateway), Unauthorized)
        yield* tokens.revoke(serviceToken.id, "test")
        yield* eventually(ask(good), Exit.isFailure, "the token to be refused")
        assert.instanceOf(yield* refusalOf(good), Unauthorized)
      }).pipe(Effect.scoped)
    )

    it.effect("decides nothing where it does not answer", () =>
      Effect.gen(function* () {
        const { mallCertificate } = yield* Platform
        const { token } = yield* issue
        const withoutCertificate = yield* gatewayOf({ token })
        const nobody = yield* gatewayOf({ token, certificate: mallCertificate, port: yield* freePort })
        const id = yield* newPaymentId
        for (const gateway of [withoutCertificate, nobody]) {
          assert.strictEqual((yield* Effect.flip(gateway.settle(id)))._tag, "PaymentUndecided")
          assert.strictEqual((yield* Effect.flip(gateway.close(id, "x")))._tag, "PaymentUndecided")
          assert.isDefined(yield* refusalOf(gateway))
        }
      }).pipe(Effect.scoped)
    )
  }
)
