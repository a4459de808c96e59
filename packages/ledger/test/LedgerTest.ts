import { AccountCode } from "@mall/domain/ledger/Account"
import { PositiveAmount, TransferId } from "@mall/domain/ledger/Transfer"
import type { Leg, NewTransfer } from "@mall/domain/ledger/Transfer"
import { generator } from "@mall/domain/kernel/Id"
import { TestDatabase } from "@mall/testing/TestDatabase"
import { Effect, Layer } from "effect"
import { Posting } from "../src/Posting.ts"
import { LedgerRepo } from "../src/LedgerRepo.ts"
import * as LedgerServices from "../src/LedgerServices.ts"

/** The ledger on a database of the test file's own. */
export const TestLedger = Layer.mergeAll(
  LedgerServices.layer,
  Posting.layerNoDeps.pipe(Layer.provide(LedgerRepo.layer))
).pipe(Layer.provideMerge(TestDatabase))

export const newTransferId = generator(TransferId)

const code = AccountCode.make
export const clearing = code("platform:clearing:wechatpay:CNY")
export const payable = code("platform:payable:CNY")
export const fees = code("platform:fees:CNY")
export const wallet = (name: string) => code(`platform:wallet:${name}:CNY`)

export const debit = (account: AccountCode, amount: number): Leg => ({
  account,
  side: "debit",
  amount: PositiveAmount.make(amount)
})
export const credit = (account: AccountCode, amount: number): Leg => ({
  account,
  side: "credit",
  amount: PositiveAmount.make(amount)
})

const said = { purpose: "adjustment", subject: null, actor: "test", reason: "because", traceId: null } as const

export const single = (id: TransferId, ...legs: ReadonlyArray<Leg>): NewTransfer => ({
  ...said,
  type: "single",
  id,
  legs
})
export const pending = (id: TransferId, expiresAt: Date | null, ...legs: ReadonlyArray<Leg>): NewTransfer => ({
  ...said,
  type: "pending",
  id,
  expiresAt,
  legs
})
export const post = (id: TransferId, pendingId: TransferId, legs: ReadonlyArray<Leg> | null = null): NewTransfer => ({
  ...said,
  type: "post",
  id,
  pendingId,
  legs
})
export const voiding = (id: TransferId, pendingId: TransferId): NewTransfer => ({
  ...said,
  type: "void",
  id,
  pendingId
})

/** A new id's single transfer. */
export const moved = (...legs: ReadonlyArray<Leg>) => Effect.map(newTransferId, (id) => single(id, ...legs))
