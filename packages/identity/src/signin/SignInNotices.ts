import type { UserId } from "@mall/domain/identity/CurrentUser"
import type { SignInNotice } from "@mall/domain/identity/SignInTopics"
import { signInMail } from "@mall/domain/identity/SignInTopics"
import { generator, Uuid7 } from "@mall/domain/kernel/Id"
import { Outbox } from "@mall/platform/Outbox"
import { Context, DateTime, Effect, Layer, Schema } from "effect"
import type { SqlError } from "effect/sql/SqlError"

const newId = generator(Uuid7.pipe(Schema.brand("NoticeId")))

/** From where something was done, as far as it is known. */
export interface Place {
  readonly network: string | null
  readonly country: string | null
}

/** Mails that tell an owner what was done with the account, so that a thief cannot do it unseen. */
export class SignInNotices extends Context.Service<
  SignInNotices,
  {
    /** Joins the transaction of what it tells. */
    tell(userId: UserId, notice: SignInNotice, place?: Place): Effect.Effect<void, SqlError>
  }
>()("@mall/identity/signin/SignInNotices") {
  static readonly layer = Layer.effect(
    SignInNotices,
    Effect.gen(function* () {
      const outbox = yield* Outbox
      const tell: SignInNotices["Service"]["tell"] = Effect.fn("SignInNotices.tell")(function* (
        userId,
        notice,
        place = { network: null, country: null }
      ) {
        const at = DateTime.toDateUtc(yield* DateTime.now)
        yield* outbox.publish(signInMail, { _tag: "Notice", id: yield* newId, userId, notice, ...place, at })
      })
      return SignInNotices.of({ tell })
    })
  ).pipe(Layer.provide(Outbox.layer))
}
