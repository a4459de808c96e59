import { generator } from "@mall/domain/kernel/Id"
import type { MerchantId } from "@mall/domain/merchants/Merchant"
import {
  ChannelCredential,
  CredentialId,
  CredentialsInUse,
  CredentialsInvalid,
  CredentialsNotFound,
  OwnAccountNotPossible
} from "@mall/domain/payments/ChannelCredentials"
import type {
  CredentialChange,
  CredentialRemoval,
  CredentialRetirement,
  NewCredentials
} from "@mall/domain/payments/ChannelCredentials"
import type { ChannelId } from "@mall/domain/payments/Payment"
import { makeAuditRecorder } from "@mall/platform/audit/AuditRecorder"
import { retryConflicts } from "@mall/platform/retryConflicts"
import { readsOf, transactionOf } from "@mall/platform/Tenancy"
import { Context, DateTime, Effect, Layer, Option, Redacted } from "effect"
import { SqlClient } from "effect/sql"
import type { SqlError } from "effect/sql/SqlError"
import { publicUrl } from "../channel/channelConfig.ts"
import { PlatformChannels } from "../channel/PlatformChannels.ts"
import { CredentialKeys } from "./CredentialKeys.ts"
import { CredentialRepo } from "./CredentialRepo.ts"
import type { CredentialRow } from "./CredentialRepo.ts"
import { OwnAccountCache } from "./OwnAccountCache.ts"

const newCredentialId = generator(CredentialId)

const statusOf = ({ retiredAt, supersededAt }: CredentialRow): ChannelCredential["status"] =>
  retiredAt !== null ? "retired" : supersededAt !== null ? "former" : "current"

/** What merchants' own accounts at the channels are, as they and operators see and change them. No answer holds a secret. */
export class ChannelCredentials extends Context.Service<
  ChannelCredentials,
  {
    /** By channel, the newest version first; also what was removed and retired. */
    list(merchantId: MerchantId): Effect.Effect<ReadonlyArray<ChannelCredential>>
    /** New tries are made with these from now on; the version before them serves its own until it is retired. */
    set(
      merchantId: MerchantId,
      input: NewCredentials,
      actor: string
    ): Effect.Effect<ChannelCredential, CredentialsInvalid | OwnAccountNotPossible>
    /** New tries go to the platform's account from now on. */
    remove(
      merchantId: MerchantId,
      input: CredentialRemoval,
      actor: string
    ): Effect.Effect<ChannelCredential, CredentialsNotFound>
    /**
     * Erases the secrets of a former version. Refused while tries or refunds that it alone can settle are on their way: no other
     * version of the same account is left.
     */
    retire(
      input: CredentialRetirement,
      actor: string
    ): Effect.Effect<ChannelCredential, CredentialsNotFound | CredentialsInUse>
  }
>()("@mall/payments/credentials/ChannelCredentials") {
  static readonly layerNoDeps = Layer.effect(
    ChannelCredentials,
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const cache = yield* OwnAccountCache
      const keys = yield* CredentialKeys
      const repo = yield* CredentialRepo
      const { definitions } = yield* PlatformChannels
      const ours = yield* publicUrl
      const audit = yield* makeAuditRecorder

      /** Which account stands where; what opens it is never written down. */
      const record = (
        action: "credentials.set" | "credentials.remove" | "credentials.retire",
        merchantId: MerchantId,
        reason: string,
        { before, after }: { readonly before: CredentialRow | undefined; readonly after: CredentialRow | undefined }
      ) => {
        const id = after?.id ?? before?.id ?? ""
        return audit.record({
          ...{ action, resource: { type: "credentials", id }, merchantId, reason },
          ...(before === undefined ? {} : { before: auditedOf(before) }),
          ...(after === undefined ? {} : { after: auditedOf(after) })
        })
      }

      const toViews = Effect.fnUntraced(function* (rows: ReadonlyArray<CredentialRow>) {
        const histories = yield* repo.history(rows.map(({ id }) => id))
        return rows.map(
          (row) =>
            new ChannelCredential({
              id: row.id,
              merchantId: row.merchantId,
              channel: row.channel,
              version: row.version,
              status: statusOf(row),
              account: row.account,
              masked: row.masked,
              notifyUrl: `${ours}/callbacks/${row.channel}/${row.merchantId}`,
              history: histories.get(row.id) ?? []
            })
        )
      })

      const read = Effect.fnUntraced(function* (id: CredentialId) {
        const row = yield* repo.find(id)
        const [view] = yield* toViews(Option.toArray(row))
        return view ?? (yield* Effect.die(new Error(`The credentials ${id} were lost`)))
      })

      /** One change of a merchant's at a time, that all processes hear of when it commits. */
      const changing = <A, E>(merchantId: MerchantId, change: Effect.Effect<A, E | SqlError>) =>
        repo.lock(merchantId).pipe(
          Effect.andThen(change),
          Effect.tap(() => cache.changed(merchantId)),
          transactionOf(sql, "mall_pay_tenant", { merchantId }),
          retryConflicts
        )

      const accept = (channel: ChannelId, credentials: NewCredentials["credentials"]) => {
        const own = definitions.find(({ id }) => id === channel)?.own
        if (own === undefined) return Effect.fail(new OwnAccountNotPossible({ channel }))
        return Effect.fromResult(own.accept(Redacted.value(credentials))).pipe(
          Effect.mapError(({ wrong }) => new CredentialsInvalid({ channel, wrong }))
        )
      }

      const set = Effect.fn("ChannelCredentials.set")(
        function* (merchantId: MerchantId, { channel, credentials, reason }: NewCredentials, actor: string) {
          const { account, masked, text } = yield* accept(channel, credentials)
          const id = yield* newCredentialId
          return yield* changing(
            merchantId,
            Effect.gen(function* () {
              const at = yield* DateTime.nowAsDate
              const rows = yield* repo.findAll([merchantId])
              const version = (rows.find((row) => row.channel === channel)?.version ?? 0) + 1
              const { bytes, keyId } = yield* Effect.orDie(keys.seal(text, { merchantId, channel, version }))
              const former = yield* repo.supersede(merchantId, channel, at)
              const row: CredentialRow = {
                ...{ id, merchantId, channel, version, account, masked, keyId, sealed: bytes, createdAt: at },
                ...{ supersededAt: null, retiredAt: null }
              }
              yield* repo.insert(row)
              if (Option.isSome(former)) yield* repo.note(former.value, { change: "superseded", actor, reason, at })
              yield* repo.note(id, { change: "set", actor, reason, at })
              const before = rows.find((each) => Option.exists(former, (formerId) => formerId === each.id))
              yield* record("credentials.set", merchantId, reason, { before, after: row })
              return yield* read(id)
            })
          )
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      const remove = Effect.fn("ChannelCredentials.remove")(
        (merchantId: MerchantId, { channel, reason }: CredentialRemoval, actor: string) =>
          changing(
            merchantId,
            Effect.gen(function* () {
              const at = yield* DateTime.nowAsDate
              const removed = yield* repo.supersede(merchantId, channel, at)
              if (Option.isNone(removed)) return yield* new CredentialsNotFound({})
              yield* repo.note(removed.value, { change: "removed", actor, reason, at })
              const before = Option.getOrUndefined(yield* repo.find(removed.value))
              yield* record("credentials.remove", merchantId, reason, { before, after: undefined })
              return yield* read(removed.value)
            })
          ),
        Effect.catchTag("SqlError", Effect.die)
      )

      /** What only this version can settle: its own, and that of the retired versions that it stands in for. */
      const countNeeding = Effect.fnUntraced(function* (row: CredentialRow) {
        const rows = yield* repo.findAll([row.merchantId])
        const sameAccount = rows.filter(({ account, channel }) => channel === row.channel && account === row.account)
        const hasSuccessor = sameAccount.some(({ id, sealed }) => id !== row.id && sealed !== null)
        return hasSuccessor ? 0 : yield* repo.countOpen(sameAccount.map(({ id }) => id))
      })

      const retire = Effect.fn("ChannelCredentials.retire")(
        function* ({ id, reason }: CredentialRetirement, actor: string) {
          const found = yield* repo.find(id)
          if (Option.isNone(found)) return yield* new CredentialsNotFound({})
          return yield* changing(
            found.value.merchantId,
            Effect.gen(function* () {
              const now = yield* repo.find(id)
              if (Option.isNone(now) || now.value.retiredAt !== null) return yield* new CredentialsNotFound({})
              if (now.value.supersededAt === null) return yield* new CredentialsInUse({ open: 0 })
              const open = yield* countNeeding(now.value)
              if (open > 0) return yield* new CredentialsInUse({ open })
              const at = yield* DateTime.nowAsDate
              yield* repo.retire(id, at)
              const change: CredentialChange = { change: "retired", actor, reason, at }
              yield* repo.note(id, change)
              const { merchantId } = now.value
              yield* record("credentials.retire", merchantId, reason, { before: now.value, after: undefined })
              return yield* read(id)
            })
          )
        },
        Effect.catchTag("SqlError", Effect.die)
      )

      return ChannelCredentials.of({
        list: Effect.fn("ChannelCredentials.list")(
          (merchantId) =>
            Effect.flatMap(repo.findAll([merchantId]), toViews).pipe(readsOf(sql, "mall_pay_tenant", { merchantId })),
          Effect.catchTag("SqlError", Effect.die)
        ),
        set,
        remove,
        retire
      })
    })
  )
}

const auditedOf = ({ account, channel, version }: CredentialRow) => ({ channel, version, account })
