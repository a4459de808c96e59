import { Email } from "@mall/domain/identity/User"
import { Effect, Option, Schema } from "effect"
import { Base64Url } from "effect/encoding"
import { sealPurpose } from "../sealPurpose.ts"
import type { SecretKey } from "../tokens/SecretKey.ts"

/** What the handler of a mail is told in secret: to whom the code goes, and which it is. */
const CodeLetter = Schema.Struct({ email: Schema.toType(Email), code: Schema.String })
type CodeLetter = typeof CodeLetter.Type

const Text = Schema.fromJsonString(CodeLetter)
const encodeText = Schema.encodeEffect(Text)
const decodeText = Schema.decodeEffect(Text)

export const sealCodeLetter = Effect.fnUntraced(function* (
  secret: SecretKey["Service"],
  id: string,
  letter: CodeLetter
) {
  const text = yield* Effect.orDie(encodeText(letter))
  return Base64Url.encode(yield* secret.seal(new TextEncoder().encode(text), sealPurpose.mailedCode(id)))
})

/** What cannot be opened was sealed with another secret, which is a defect. */
export const openCodeLetter = Effect.fnUntraced(function* (secret: SecretKey["Service"], id: string, letter: string) {
  const sealed = yield* Effect.orDie(Effect.fromResult(Base64Url.decode(letter)))
  const text = yield* secret.open(sealed, sealPurpose.mailedCode(id))
  if (Option.isNone(text)) return yield* Effect.die(new Error("A code cannot be opened with this secret"))
  return yield* Effect.orDie(decodeText(new TextDecoder().decode(text.value)))
})
