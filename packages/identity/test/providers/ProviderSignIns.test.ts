import { assert, layer } from "@effect/vitest"
import type { Principal } from "@mall/domain/identity/CurrentUser"
import type { ProviderName } from "@mall/domain/identity/ProviderSignIn"
import * as Stores from "@mall/platform/Stores"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { Accounts } from "../../src/users/Accounts.ts"
import { IdentityLayer } from "../../src/Identity.ts"
import { ProviderSignIns } from "../../src/providers/ProviderSignIns.ts"
import type { StartedSignIn } from "../../src/providers/ProviderSignIns.ts"
import { Sessions } from "../../src/tokens/Sessions.ts"
import { UserAdministration } from "../../src/users/UserAdministration.ts"
import { login, origin, principalOf, registerUser, withConfiguration } from "../fixture.ts"
import { ShiftedClock } from "../ShiftedClock.ts"
import { TestProvider } from "./TestProvider.ts"

const local: ProviderName = "local"

const Services = Layer.unwrap(
  Effect.map(TestProvider, ({ configuration }) =>
    withConfiguration(ProviderSignIns.layer.pipe(Layer.provideMerge(IdentityLayer), Layer.provide(Stores.layer)), {
      OIDC_PROVIDERS: configuration,
      DOWNSTREAM_OIDC_MAX_ATTEMPTS: "1"
    })
  )
).pipe(Layer.provideMerge(TestProvider.layer), Layer.provideMerge(TestDatabase))

let people = 0

/** Whoever is asked next is this new person. */
const become = Effect.fnUntraced(function* (more: { readonly email?: string; readonly email_verified?: boolean } = {}) {
  const provider = yield* TestProvider
  people += 1
  provider.person = {
    ...{ sub: `person-${people}`, email: `person${people}@provider.test`, email_verified: true, name: "Pia" },
    ...more
  }
  return provider.person
})

const finish = (started: StartedSignIn, returned: string, provider: ProviderName = local) =>
  ProviderSignIns.use((signIns) => {
    const { search, searchParams } = new URL(returned)
    const answer = { state: searchParams.get("state") ?? "", browserSecret: started.browserSecret, query: search }
    return signIns.finish(provider, answer, origin)
  })

const start = ProviderSignIns.use((signIns) => signIns.start(local, null))
const visit = ({ url }: StartedSignIn) => TestProvider.use((provider) => provider.visit(url))

const signIn = Effect.gen(function* () {
  const started = yield* start
  return yield* finish(started, yield* visit(started))
})

const refusalOf = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), ({ _tag }) => _tag)

layer(Services, { excludeTestServices: true, timeout: "60 seconds" })("signing in by an identity provider", (it) => {
  it.effect("opens an account the first time and the same one ever after", () =>
    Effect.gen(function* () {
      const { email } = yield* become()
      const first = yield* signIn
      assert.strictEqual(first.user.email, email)
      assert.strictEqual(first.user.name, "Pia")
      const second = yield* signIn
      assert.strictEqual(second.user.id, first.user.id)
      assert.strictEqual((yield* principalOf(second)).userId, first.user.id)
      const signIns = yield* ProviderSignIns
      const user = yield* principalOf(second)
      assert.deepStrictEqual(
        (yield* signIns.list(user)).map(({ provider }) => provider),
        ["local"]
      )
      assert.strictEqual(yield* refusalOf(signIns.unlink(user, local)), "LastWayIn")
    })
  )

  it.effect("sends the provider a state, a nonce and a PKCE challenge, and keeps only hashes of them", () =>
    Effect.gen(function* () {
      const started = yield* start
      const query = new URL(started.url).searchParams
      assert.strictEqual(query.get("code_challenge_method"), "S256")
      const kept = yield* SqlClient.SqlClient.use(
        (sql) => sql`SELECT t::text AS row FROM identity.provider_sign_ins AS t`
      )
      for (const secret of [query.get("state"), query.get("nonce"), started.browserSecret]) {
        assert.isAtLeast(secret?.length ?? 0, 43)
        assert.notInclude(JSON.stringify(kept), secret ?? "")
      }
    })
  )

  it.effect("takes over no account that is there: its owner signs in and links", () =>
    Effect.gen(function* () {
      const user = yield* registerUser
      yield* become({ email: user.email })
      assert.strictEqual(yield* refusalOf(signIn), "SignInToLink")
      const principal = yield* principalOf(yield* login(user))
      const signIns = yield* ProviderSignIns
      const started = yield* signIns.start(local, principal)
      assert.strictEqual((yield* finish(started, yield* visit(started))).user.id, user.id)
      assert.strictEqual((yield* signIn).user.id, user.id)
      yield* signIns.unlink(principal, local)
      assert.strictEqual(yield* refusalOf(signIns.unlink(principal, local)), "ProviderNotLinked")
      assert.strictEqual(yield* refusalOf(signIn), "SignInToLink")
      const { data } = yield* UserAdministration.use((administration) => administration.history(user.id, { limit: 2 }))
      assert.deepStrictEqual(
        data.map(({ reason, type }) => `${type} ${reason}`),
        ["provider_unlinked local", "provider_linked local"]
      )
      const sql = yield* SqlClient.SqlClient
      const mails = yield* sql<{ notice: string }>`
        SELECT element::jsonb -> 'message' ->> 'notice' AS notice FROM outbox
        WHERE queue_name LIKE 'sign_in_mail%' AND element::jsonb -> 'message' ->> 'userId' = ${user.id} ORDER BY id`
      assert.deepStrictEqual(mails, [{ notice: "provider_linked" }, { notice: "provider_unlinked" }])
    })
  )

  it.effect("links nothing where a session of the account was ended meanwhile", () =>
    Effect.gen(function* () {
      const user = yield* registerUser
      const signIns = yield* ProviderSignIns
      const administration = yield* UserAdministration
      const sessions = yield* Sessions
      const ends = [
        (_: Principal) => administration.logout(user.id, { actorId: null, reason: "stolen" }),
        (stolen: Principal) => sessions.end(stolen)
      ]
      for (const end of ends) {
        yield* become()
        const stolen = yield* principalOf(yield* login(user))
        const started = yield* signIns.start(local, stolen)
        const returned = yield* visit(started)
        yield* end(stolen)
        assert.strictEqual(yield* refusalOf(finish(started, returned)), "SignInStateInvalid")
        assert.deepStrictEqual(yield* signIns.list(stolen), [])
      }
    })
  )

  it.effect("leaves a way in to an account that a provider opened, whichever is unlinked first", () =>
    Effect.gen(function* () {
      const signIns = yield* ProviderSignIns
      yield* become()
      const user = yield* principalOf(yield* signIn)
      yield* become()
      const started = yield* signIns.start("other", user)
      yield* finish(started, yield* visit(started), "other")
      yield* signIns.unlink(user, local)
      assert.strictEqual(yield* refusalOf(signIns.unlink(user, "other")), "LastWayIn")
    })
  )

  it.effect("links nobody's identity to two accounts, nor two of one provider to one account", () =>
    Effect.gen(function* () {
      yield* become()
      yield* signIn
      const principal = yield* principalOf(yield* login(yield* registerUser))
      const signIns = yield* ProviderSignIns
      const link = Effect.gen(function* () {
        const started = yield* signIns.start(local, principal)
        return yield* finish(started, yield* visit(started))
      })
      assert.strictEqual(yield* refusalOf(link), "ProviderLinkedElsewhere")
      yield* become()
      yield* link
      yield* become()
      assert.strictEqual(yield* refusalOf(link), "ProviderLinkedElsewhere")
    })
  )

  it.effect("opens no account with an address that the provider has not verified", () =>
    Effect.gen(function* () {
      yield* become({ email_verified: false })
      assert.strictEqual(yield* refusalOf(signIn), "EmailNotVerified")
    })
  )

  it.effect("is refused to who is banned, and to who deleted the account the identity is free again", () =>
    Effect.gen(function* () {
      const person = yield* become()
      const { user } = yield* signIn
      const administration = yield* UserAdministration
      yield* administration.ban(user.id, { actorId: null, reason: "test" })
      assert.strictEqual(yield* refusalOf(signIn), "AccountBanned")
      yield* administration.unban(user.id, { actorId: null, reason: "test" })
      const principal = yield* principalOf(yield* signIn)
      yield* Accounts.use((accounts) => accounts.delete(principal))
      const rows = yield* SqlClient.SqlClient.use(
        (sql) => sql`SELECT 1 FROM identity.provider_identities WHERE subject = ${person.sub}`
      )
      assert.lengthOf(rows, 0)
      assert.notStrictEqual((yield* signIn).user.id, user.id)
    })
  )

  it.effect("is refused with a forged state, in another browser, a second time, too late, at another provider", () =>
    Effect.gen(function* () {
      yield* become()
      const started = yield* start
      const returned = yield* visit(started)
      const forged = new URL(returned)
      forged.searchParams.set("state", "forged")
      assert.strictEqual(yield* refusalOf(finish(started, forged.href)), "SignInStateInvalid")
      const noBrowser = { ...started, browserSecret: "" }
      assert.strictEqual(yield* refusalOf(finish(noBrowser, returned)), "SignInStateInvalid")
      // the attempt of another browser has ended it for all
      assert.strictEqual(yield* refusalOf(finish(started, returned)), "SignInStateInvalid")

      const mine = yield* start
      const theirs = yield* start
      assert.strictEqual(yield* refusalOf(finish(theirs, yield* visit(mine))), "SignInStateInvalid")

      const once = yield* start
      const back = yield* visit(once)
      yield* finish(once, back)
      assert.strictEqual(yield* refusalOf(finish(once, back)), "SignInStateInvalid")

      const elsewhere = yield* start
      assert.strictEqual(yield* refusalOf(finish(elsewhere, yield* visit(elsewhere), "down")), "SignInStateInvalid")

      const late = yield* start
      const lateBack = yield* visit(late)
      yield* ShiftedClock.use((clock) => clock.advance("11 minutes"))
      assert.strictEqual(yield* refusalOf(finish(late, lateBack)), "SignInStateInvalid")
      yield* ShiftedClock.use((clock) => clock.advance("-11 minutes"))
    })
  )

  it.effect("is refused with a replayed or stolen code, a wrong nonce, and where the provider says no", () =>
    Effect.gen(function* () {
      yield* become()
      const first = yield* start
      const used = new URL(yield* visit(first))
      yield* finish(first, used.href)
      const second = yield* start
      const replayed = new URL(yield* visit(second))
      replayed.searchParams.set("code", used.searchParams.get("code") ?? "")
      assert.strictEqual(yield* refusalOf(finish(second, replayed.href)), "ProviderRefused")

      // a code of a sign-in that another browser started: its PKCE challenge is not this browser's
      const victim = yield* start
      const attacker = yield* start
      const stolen = new URL(yield* visit(victim))
      const injected = new URL(yield* visit(attacker))
      injected.searchParams.set("code", stolen.searchParams.get("code") ?? "")
      assert.strictEqual(yield* refusalOf(finish(attacker, injected.href)), "ProviderRefused")

      const started = yield* start
      const url = new URL(started.url)
      url.searchParams.set("nonce", "another-nonce-than-the-browser-has")
      const wrongNonce = yield* visit({ ...started, url: url.href })
      assert.strictEqual(yield* refusalOf(finish(started, wrongNonce)), "ProviderRefused")

      const denied = yield* start
      const state = new URL(denied.url).searchParams.get("state") ?? ""
      const { issuer } = yield* TestProvider
      const no = `http://127.0.0.1/?error=access_denied&state=${state}&iss=${encodeURIComponent(issuer)}`
      assert.strictEqual(yield* refusalOf(finish(denied, no)), "ProviderRefused")
    })
  )

  it.effect("says so where the provider is down or unknown, and has kept nothing", () =>
    Effect.gen(function* () {
      const signIns = yield* ProviderSignIns
      const sql = yield* SqlClient.SqlClient
      assert.strictEqual(yield* refusalOf(signIns.start("down", null)), "ProviderUnavailable")
      assert.strictEqual(yield* refusalOf(signIns.start("nobody", null)), "ProviderUnknown")
      assert.lengthOf(yield* sql`SELECT 1 FROM identity.provider_sign_ins WHERE provider <> 'local'`, 0)
    })
  )
})
