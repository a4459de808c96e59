import { AddressId } from "@mall/domain/identity/AddressBook"
import { UserId } from "@mall/domain/identity/CurrentUser"
import { Email } from "@mall/domain/identity/User"
import type { ClientKind } from "@mall/domain/identity/User"
import { generator } from "@mall/domain/kernel/Id"
import { Outbox } from "@mall/platform/Outbox"
import { ConfigProvider, Effect, Layer, Redacted, Schedule, Schema } from "effect"
import { AccessTokens } from "../src/tokens/AccessTokens.ts"
import { Accounts } from "../src/users/Accounts.ts"
import { Logins } from "../src/signin/Logins.ts"
import { ShiftedClock } from "./ShiftedClock.ts"

export const strongPassword = Redacted.make("purple-otter-sails-north")
export const otherPassword = Redacted.make("green-badger-walks-south")
export const wrongPassword = Redacted.make("this is not the password")

/** Cheap hashes, a given secret, and what `overrides` say. */
export const configuration = (overrides: Record<string, string> = {}) =>
  ConfigProvider.layer(
    ConfigProvider.fromUnknown({
      MALL_SECRET_KEY: "0123456789abcdef0123456789abcdef",
      PASSWORD_HASH_MEMORY_KIB: "64",
      PASSWORD_HASH_PASSES: "1",
      ...overrides
    })
  )

/** Identity with its own configuration, on a clock that a test puts forward. */
export const withConfiguration = <A, E, R>(identity: Layer.Layer<A, E, R>, overrides: Record<string, string> = {}) =>
  identity.pipe(
    Layer.provide(Outbox.layer),
    Layer.provide(configuration(overrides)),
    Layer.provideMerge(ShiftedClock.layer)
  )

export const origin = { ip: "203.0.113.7", userAgent: "test" }

export const newUserId = generator(UserId)
export const email = Schema.decodeUnknownSync(Email)

let count = 0

/** A customer with `strongPassword`, opened without the judge of passwords, whose thread takes a second to start. */
export const registerUser = Effect.gen(function* () {
  const accounts = yield* Accounts
  count += 1
  return yield* accounts.ensure({
    email: email(`user${count}@mall.test`),
    password: strongPassword,
    name: `User ${count}`,
    role: "customer",
    merchantId: null
  })
})

export const login = Effect.fnUntraced(function* (user: { readonly email: Email }, client: ClientKind = "web") {
  const logins = yield* Logins
  return yield* logins.login({ email: user.email, password: strongPassword, client }, origin)
})

export const verify = (token: string) => Effect.flatMap(AccessTokens, (tokens) => tokens.verify(token))

/** Who the access token says its bearer is. */
export const principalOf = (pair: { readonly accessToken: string }) =>
  Effect.map(verify(pair.accessToken), ({ principal }) => principal)

/** Waits until `condition` succeeds; the time limit of the test is what ends it otherwise. */
export const eventually = <A, E, R>(condition: Effect.Effect<A, E, R>) =>
  Effect.retry(condition, Schedule.spaced("5 millis"))

export const newAddressId = generator(AddressId)

export const address = {
  recipient: "李雷",
  phone: "+86 138 0000 0000",
  countryCode: "CN",
  region: "上海",
  city: "上海",
  street: "南京东路 1 号",
  postalCode: "200001"
}
