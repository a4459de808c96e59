import { AccessToken } from "@mall/client/AccessToken"
import { MallHttp } from "@mall/client/MallHttp"
import { Email, Password } from "@mall/domain/identity/User"
import { formatMajor } from "@mall/domain/kernel/Currency"
import type { Money } from "@mall/domain/kernel/Money"
import type { PaymentId, PaymentStatus } from "@mall/domain/payments/PaymentGateway"
import { Console, Effect, Option, Redacted, Schedule, Schema } from "effect"
import { HttpClient, HttpClientRequest, HttpClientResponse } from "effect/http"

export const demoPassword = "demo-correct-horse-battery"

export const say = (text: string) => Console.log(`  ${text}`)
export const chapter = (text: string) => Console.log(`\n${text}`)
export const price = ({ amount, currency }: Money) => `${formatMajor(amount, currency)} ${currency}`

export class DemoFailed extends Schema.TaggedError<DemoFailed>()("DemoFailed", { reason: Schema.String }) {
  override get message() {
    return this.reason
  }
}

export const secret = (password: string) => Password.make(Redacted.make(password, { label: "password" }))

/** Asks again until it is so, for a minute at most. */
export const until = <A, E, R>(what: string, ask: Effect.Effect<A, E, R>, isSo: (answer: A) => boolean) =>
  ask.pipe(
    Effect.filterOrFail(isSo, () => new DemoFailed({ reason: `Waited in vain for ${what}` })),
    Effect.retry({ schedule: Schedule.spaced("250 millis"), times: 240 })
  )

/** What somebody else than the mall does, told to the sandbox. */
export const control = (sandbox: string, path: string, body: unknown = {}) =>
  HttpClientRequest.post(`${sandbox}/control${path}`).pipe(
    HttpClientRequest.bodyJsonUnsafe(body),
    HttpClient.execute,
    Effect.flatMap(HttpClientResponse.filterStatusOk)
  )

export const signIn = Effect.fnUntraced(function* (email: string, password: string) {
  const mall = yield* MallHttp
  const { accessToken } = yield* mall.auth.login({
    payload: { email: Email.make(email), password: secret(password) }
  })
  yield* AccessToken.set(Option.some(Redacted.make(accessToken)))
})

export const press = (sandbox: string, channel: string, number: string) =>
  Effect.flatMap(
    HttpClient.post(`${sandbox}/control/${channel}/orders/${number}/pay`),
    HttpClientResponse.filterStatusOk
  )

export const awaitPayment = (id: PaymentId, wanted: PaymentStatus) =>
  Effect.gen(function* () {
    const mall = yield* MallHttp
    const { status } = yield* mall.payments.show({ params: { id } })
    if (status !== wanted) return yield* new DemoFailed({ reason: `Payment ${id} is ${status}, not ${wanted}` })
  }).pipe(Effect.retry({ schedule: Schedule.spaced("250 millis"), times: 200 }))
