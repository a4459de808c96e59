import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { RawCallback } from "../../../src/channel/Channel.ts"
import { Bench } from "../Bench.ts"
import type { Case } from "../Case.ts"
import { NoticeTap } from "../NoticeTap.ts"
import { aSecretlyPaidPayment, awaitPaid } from "../steps.ts"
import { readBooks } from "../truth.ts"

const text = (body: string) => new TextEncoder().encode(body)

/** What a channel would send that we look at; nobody may tell us in its name. */
const madeUp: RawCallback = {
  headers: { "content-type": "application/json" },
  body: text(`{"jsonrpc":"2.0","method":"eth_subscription","params":{"result":{"data":"0x1388"}}}`)
}

/** The genuine notice, which was taken away; where the channel sends none, one that is as good as any forgery. */
const aNotice = Effect.gen(function* () {
  const { profile } = yield* Bench
  const tap = yield* NoticeTap
  const notice = profile.chain === undefined ? yield* tap.taken : madeUp
  yield* tap.release
  return notice
})

/** Posts each in the place of a genuine notice, none of which may be taken; then the genuine one, which is. */
const inPlaceOf = (forge: (genuine: RawCallback) => ReadonlyArray<RawCallback>): Case =>
  Effect.gen(function* () {
    const { post } = yield* Bench
    const tap = yield* NoticeTap
    const { id } = yield* aSecretlyPaidPayment
    const genuine = yield* aNotice
    const forged = forge(genuine)
    for (const [index, raw] of forged.entries()) {
      const { status } = yield* post(raw)
      assert.notStrictEqual(status, 500, `forgery ${index} is no accident`)
    }
    assert.strictEqual(yield* tap.refusals, forged.length)
    assert.strictEqual((yield* readBooks(id)).record.intent.captured, 0)
    yield* post(genuine)
    yield* awaitPaid(id, "the genuine notice")
    return { payments: [id] }
  })

const withBody = ({ headers }: RawCallback, body: Uint8Array): RawCallback => ({ headers, body })

const truncated = inPlaceOf((genuine) =>
  [0, 1, genuine.body.length / 2, genuine.body.length - 24].map((length) =>
    withBody(genuine, genuine.body.slice(0, Math.floor(length)))
  )
)

const hostile = inPlaceOf((genuine) =>
  [
    text("[".repeat(20_000)),
    text(`{"__proto__":{"admin":true},"id":"x"}`),
    text("a=%E0%A4%A&b=%"),
    text("&&&==&=&sign=&"),
    text(`<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><xml><sign>&e;</sign></xml>`),
    text(`<xml>${"<a>".repeat(5_000)}`),
    Uint8Array.of(0xff, 0xfe, 0x00, 0xc3, 0x28),
    text(" \u0000 "),
    text("null"),
    text("x".repeat(60_000))
  ].map((body) => withBody(genuine, body))
)

const bare: Case = Effect.flatMap(Bench, ({ profile }) =>
  inPlaceOf(({ body, headers }) => [
    { headers: {}, body },
    ...profile.sealHeaders.flatMap((name) => {
      const { [name]: _, ...without } = headers
      return [
        { headers: without, body },
        { headers: { ...headers, [name]: "%00é<>,=".repeat(3) }, body }
      ]
    })
  ])
)

const oversized: Case = Effect.gen(function* () {
  const { post } = yield* Bench
  const { id } = yield* aSecretlyPaidPayment
  const genuine = yield* aNotice
  for (const padding of [64, 1_024]) {
    const body = new Uint8Array(genuine.body.length + padding * 1_024).fill(0x20)
    body.set(genuine.body)
    const { status } = yield* post(withBody(genuine, body))
    assert.isTrue(status >= 400 && status < 500, `${status}`)
  }
  assert.strictEqual((yield* readBooks(id)).record.intent.captured, 0)
  yield* post(genuine)
  yield* awaitPaid(id, "the genuine notice")
  return { payments: [id] }
})

const replayed: Case = Effect.gen(function* () {
  const { post } = yield* Bench
  const tap = yield* NoticeTap
  const { id } = yield* aSecretlyPaidPayment
  const genuine = yield* tap.taken
  yield* tap.release
  yield* post(genuine)
  yield* awaitPaid(id, "the notice")
  const before = (yield* readBooks(id)).record
  for (let times = 0; times < 5; times++) yield* post(genuine)
  assert.deepStrictEqual((yield* readBooks(id)).record, before)
  return { payments: [id] }
})

/** What is sent to the callback address by who is not the channel. */
export const brokenBodies = {
  "notice cut short": truncated,
  "notice replaced by hostile bodies": hostile,
  "notice without its headers, or with others": bare,
  "notice of more than 64 KiB": oversized,
  "notice played back byte by byte": replayed
} satisfies Readonly<Record<string, Case>>
